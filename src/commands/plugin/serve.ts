import { Flags } from '@oclif/core'
import { interruptSignal } from '../../lib/cli/interrupt.js'
import { defaultRuntimeFolder, defaultStateFolder } from '../../lib/host/roots.js'
import { iscsiFlags, VolumeCommand } from '../../lib/cli/volume-command.js'
import type { PrismCallEvent } from '../../lib/prism/connect.js'

export default class PluginServe extends VolumeCommand<null, typeof PluginServe> {
  static override summary = "Run Docker's volume plugin: volume groups as volumes of Docker, Podman and Swarm."
  static override description =
    'Listens at once, on the socket that systemd passes or on /run/docker/plugins/NAME.sock, and needs neither configuration nor cluster for that. SIGTERM ends it in order, SIGHUP reads its configuration again. Logs are JSON, on stderr.'
  static override examples = [
    '<%= config.bin %> plugin serve',
    '<%= config.bin %> plugin serve --name acs --config /etc/acs/other-plugin.yaml',
  ]
  static override flags = {
    name: Flags.string({ summary: 'Name of the volume driver in Docker.', default: 'nutanix' }),
    socket: Flags.string({ summary: 'Listen here instead.', helpValue: 'PATH' }),
    config: Flags.string({ summary: 'Settings of the plugin; default /etc/acs/plugin.yaml.', helpValue: 'FILE' }),
    ...iscsiFlags,
  }

  private retried: () => void = () => undefined

  async run(): Promise<null> {
    const { serve } = await import('../../lib/plugin/serve.js')
    const { managedBudgets } = await import('../../lib/plugin/budgets.js')
    const { name, socket, config } = this.flags
    await serve({
      name,
      ...(socket === undefined ? {} : { socket }),
      status: { runtimeFolder: defaultRuntimeFolder(), version: this.config.version },
      stop: interruptSignal(),
      // Set by the managed plugin, which has to end sooner.
      ...(process.env.ACS_PLUGIN_FOLDER ? { budgets: managedBudgets } : {}),
      createDriver: async (surroundings) => {
        this.retried = () => surroundings.metrics.retried('prism')
        const { createServedDriver } = await import('../../lib/plugin/served-driver.js')
        const { parseEndpoint } = await import('../../lib/prism/endpoint.js')
        return createServedDriver(surroundings, {
          configFile: config,
          ...(socket === undefined ? { driverName: name } : {}),
          stateFolder: defaultStateFolder(),
          host: await this.host(),
          initiator: this.flags.using,
          connection: async () => {
            const { endpoint, dataServices, storageContainer } = await this.connection()
            const { host, port } = parseEndpoint(endpoint)
            return { host, port, storageContainer, dataServices: this.flags['data-services'] ?? dataServices }
          },
          openPrism: () => this.prism(),
        })
      },
    })
    return null
  }

  protected override prismCalled({ retry }: PrismCallEvent): void {
    if (retry > 0) this.retried()
  }
}
