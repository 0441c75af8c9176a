/**
 * A managed plugin's driver has a tag: dockerd keeps volumes and containers of the plugin `nutanix` under the driver
 * `nutanix:latest`, and asks for that driver from then on (seen with 20.10).
 */
export function managedName(name: string): string {
  return `${name}:latest`
}
