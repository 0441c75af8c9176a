import { readFile } from 'node:fs/promises'
import { parseDuration } from '../base/durations.js'
import { AcsError, errorCode, messageOf } from '../base/errors.js'
import { checked, parseYaml } from '../base/yaml.js'
import { mountFolder } from '../volume/mount-point.js'
import { pluginConfigSchema, type PluginConfig } from './config.js'

export const defaultConfigFile = '/etc/acs/plugin.yaml'

/** `PluginConfig` with its defaults and its texts read. Durations in ms. */
export interface PluginSettings {
  mountFolder: string
  lingerMs: number
  takeOver: { policy: 'refuse' | 'take-over' | 'wait'; delayMs: number }
  peer: { listen: string; advertise?: string }
  show: 'ours' | 'all'
  keepTrashMs: number
  metrics?: string
  dockerSocket: string
  logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** What new volumes get; see volume/profiles.ts. */
  volumes: Pick<PluginConfig, 'defaults' | 'enforce' | 'profiles' | 'quota'>
}

/** The administrator's settings; an absent file is all defaults. Throws EACSPLUGINCONFIG (usage) or EACSDURATION. */
export async function readPluginSettings(file: string): Promise<PluginSettings> {
  const config = await readPluginConfig(file)
  const settings = pluginSettings(config)
  // A managed plugin's volumes are seen by Docker in one folder only, which is part of the plugin.
  const fixed = process.env.ACS_PLUGIN_FOLDER
  if (!fixed) return settings
  if (config.mountFolder !== undefined && config.mountFolder !== fixed)
    throw unusable(file, `mountFolder: the managed plugin mounts in ${fixed} only`)
  return { ...settings, mountFolder: fixed }
}

export function pluginSettings(config: PluginConfig): PluginSettings {
  const { takeOver = {}, peer = {}, defaults, enforce, profiles, quota } = config
  return {
    mountFolder: config.mountFolder ?? mountFolder,
    lingerMs: parseDuration(config.linger ?? '20s'),
    takeOver: { policy: takeOver.policy ?? 'take-over', delayMs: parseDuration(takeOver.delay ?? '30s') },
    peer: {
      listen: peer.listen ?? '0.0.0.0:7440',
      ...(peer.advertise === undefined ? {} : { advertise: peer.advertise }),
    },
    show: config.show ?? 'ours',
    keepTrashMs: parseDuration(config.trash?.keep ?? '7d'),
    ...(config.metrics === undefined ? {} : { metrics: config.metrics }),
    dockerSocket: config.docker ?? '/var/run/docker.sock',
    logLevel: config.log ?? 'info',
    volumes: {
      ...(defaults ? { defaults } : {}),
      ...(enforce ? { enforce } : {}),
      ...(profiles ? { profiles } : {}),
      ...(quota ? { quota } : {}),
    },
  }
}

async function readPluginConfig(file: string): Promise<PluginConfig> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return {}
    throw unusable(file, messageOf(error), error)
  }
  const bad = (why: string, cause?: unknown): AcsError => unusable(file, why, cause)
  return checked(pluginConfigSchema, (await parseYaml(text, bad)) ?? {}, bad)
}

function unusable(file: string, why: string, cause?: unknown): AcsError {
  return new AcsError('usage', 'EACSPLUGINCONFIG', `${file} cannot be used: ${why}`, { cause, details: { path: file } })
}
