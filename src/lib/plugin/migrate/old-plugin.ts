import type { DockerPlugin, DockerVolume } from '../docker-api.js'
import { managedName } from '../managed-name.js'

/** Nutanix's own volume plugin, `ntnx/nutanix_volume_plugin` (docker-protocols.md A.9), as Docker has it. */
export interface OldPlugin {
  /** As in `docker plugin ls`: its alias, with a tag. */
  name: string
  enabled: boolean
  image?: string
  /** Where it worked: PRISM_IP, DATASERVICES_IP, PRISM_USERNAME, DEFAULT_CONTAINER. */
  settings: Readonly<Record<string, string>>
  /** Its PRISM_PASSWORD can be read by everyone who may run `docker plugin inspect`. */
  passwordShown: boolean
}

const told = ['PRISM_IP', 'DATASERVICES_IP', 'PRISM_USERNAME', 'DEFAULT_CONTAINER']

/** The old plugin among the managed ones, known by its image or its settings; ours takes the same settings, and more. */
export function findOldPlugin(plugins: readonly DockerPlugin[]): OldPlugin | undefined {
  const found = plugins.find(({ image = '', settings }) => {
    if (Object.keys(settings).some((name) => name.startsWith('ACS_'))) return false
    return image.includes('nutanix_volume_plugin') || (settings.PRISM_IP !== undefined && 'PRISM_PASSWORD' in settings)
  })
  if (!found) return undefined
  const { name, enabled, image, settings } = found
  return {
    name,
    enabled,
    ...(image === undefined ? {} : { image }),
    settings: Object.fromEntries(told.flatMap((key) => (settings[key] ? [[key, settings[key]]] : []))),
    passwordShown: (settings.PRISM_PASSWORD ?? '') !== '',
  }
}

/** Names by which Docker knows the old plugin's volumes: a managed plugin's have a tag, a socket's have none. */
export function oldDriverNames(driver: string, plugin: OldPlugin | undefined): string[] {
  const bare = [driver, ...(plugin ? [plugin.name] : [])].map(withoutLatest)
  return [...new Set(bare.flatMap((name) => [name, managedName(name)]))]
}

/** `nutanix` of `nutanix:latest`; another tag is part of the name. */
export function withoutLatest(name: string): string {
  return name.replace(/:latest$/, '')
}

/**
 * Whether a service of that name answers for all drivers by which Docker knows the volumes: for its name, with the tag
 * `latest` too. Another tag or a registry's name is a managed plugin's only.
 */
export function serviceAnswers(name: string, volumes: readonly DockerVolume[]): boolean {
  const names = [name, managedName(name)]
  return /^[a-z0-9][a-z0-9_.-]*$/.test(name) && volumes.every(({ driver }) => names.includes(driver))
}
