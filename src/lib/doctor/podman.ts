import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deadline } from '../base/deadline.js'
import { isAcsError } from '../base/errors.js'
import { parseContainersConf, type VolumePluginSettings } from './containers-conf.js'
import type { DoctorContext } from './context.js'
import { ok, type Finding } from './finding.js'
import { namesIn } from './folder.js'
import { installedPlugins, type InstalledPlugin } from './plugin-unit.js'
import { versionIn } from './versions.js'

/** As long as Docker waits for Mount; Podman's default is 5 s, with no second try (docker-protocols.md, finding 11). */
const leastTimeoutS = 120

/** Whether Podman knows the plugin and waits long enough for it. */
export async function podmanFindings(context: DoctorContext, deadline: Deadline): Promise<Finding[]> {
  let version: string | undefined
  try {
    version = versionIn((await context.runner.run('podman', ['--version'], { deadline, timeoutMs: 4_000 })).stdout)
  } catch (error) {
    if (isAcsError(error, 'EACSTOOLMISSING')) return [ok('podman', 'Podman is not installed')]
    throw error
  }
  const [settings, installed] = await Promise.all([readSettings(context), installedPlugins(context)])
  return [judgePodman(version ?? 'of unknown version', settings, installed, context.pluginFolder)]
}

export function judgePodman(
  version: string,
  { timeout = 5, plugins }: VolumePluginSettings,
  installed: readonly InstalledPlugin[],
  pluginFolder: string,
): Finding {
  const ours = Object.entries(plugins).filter(
    ([name, socket]) =>
      installed.some(({ socketPath }) => socketPath === socket) || socket === join(pluginFolder, `${name}.sock`),
  )
  const cure = ['acs plugin install --podman   writes both lines to /etc/containers/containers.conf.d/acs.conf']
  const [first] = ours
  if (first === undefined)
    return {
      id: 'podman',
      severity: 'info',
      title: `Podman ${version} does not know the plugin`,
      evidence: ['no [engine.volume_plugins] with its socket in containers.conf'],
      cure: installed.length > 0 ? cure : [],
    }
  const evidence = [
    `[engine.volume_plugins] ${first[0]} = "${first[1]}"`,
    `[engine] volume_plugin_timeout = ${timeout}`,
  ]
  if (timeout !== 0 && timeout < leastTimeoutS)
    return {
      id: 'podman',
      severity: 'problem',
      title: `Podman ${version} gives the plugin ${timeout} s, and a first mount takes longer: its containers fail to start`,
      evidence,
      cure,
    }
  return ok('podman', `Podman ${version} knows the plugin and waits for it`, evidence)
}

async function readSettings(context: DoctorContext): Promise<VolumePluginSettings> {
  const folder = context.containersConfFolder
  const dropIns = (await namesIn(folder)).filter((name) => name.endsWith('.conf'))
  const files = [...context.containersConfs, ...dropIns.map((name) => join(folder, name))]
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  return parseContainersConf(...texts)
}
