import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deadline } from '../../base/deadline.js'
import { AcsError } from '../../base/errors.js'
import { printable } from '../../base/printable.js'
import type { Runner } from '../../host/host.js'
import { reach } from '../../host/reach.js'
import { systemUnitFolders } from '../../host/systemd-unit.js'
import { allReferences } from '../../volume/references.js'
import type { DockerInventory } from '../docker-api.js'
import { defaultPluginName, unitBase } from '../install/units.js'
import { socketPath } from '../socket.js'

/** What there is of a plugin that does not tell of itself. */
export interface Absence {
  name: string
  /** Docker's way to it, and whether anybody is at its end: `stale` when nobody is. */
  socket: { path: string; state: 'answers' | 'stale' | 'absent' }
  /** Its unit of systemd and what systemd says of it: `failed`; absent where it is not installed. */
  service?: { unit: string; state: string }
  /** acs as a managed plugin of Docker's. */
  managed?: { name: string; enabled: boolean; runtimeFolder: string }
  /** Plugins of acs that run under other names. */
  others: string[]
  /** It was here, and did not end in order. */
  died: boolean
  /** Volumes that it has on this machine, and how many mounts of containers each has. */
  volumes: { name: string; mounts: number }[]
}

export interface AbsenceTools {
  runner: Runner
  docker: Pick<DockerInventory, 'plugins'>
  stateFolder: string
  deadline: Deadline
  /** Default: systemd's. */
  unitFolders?: readonly string[]
  /** Where Docker looks for the plugin; default /run/docker/plugins/NAME.sock. */
  socketPath?: string
}

const askMs = 3_000

/** Looks why no plugin of that name answers. Throws nothing but the user's Ctrl-C. */
export async function explainAbsence(
  { name, others, dead }: { name: string; others: string[]; dead: readonly string[] },
  tools: AbsenceTools,
): Promise<Absence> {
  const { deadline } = tools
  const limit = deadline.atMost(askMs)
  const path = tools.socketPath ?? socketPath(name)
  const [why, references, service, plugins] = await Promise.all([
    reach({ path }, limit),
    allReferences(tools.stateFolder).catch(() => []),
    findService(name, tools, limit),
    tools.docker.plugins(limit).catch(() => []),
  ])
  deadline.check('looking for the volume plugin')
  const ours = plugins.filter(({ settings }) => settings.ACS_PLUGIN_FOLDER !== undefined)
  const managed = ours.find((plugin) => plugin.name.replace(/:[^:/]*$/, '') === name) ?? ours[0]
  return {
    name,
    socket: { path, state: why === undefined ? 'answers' : why === 'ENOENT' ? 'absent' : 'stale' },
    ...(service ? { service } : {}),
    ...(managed
      ? {
          managed: {
            name: managed.name,
            enabled: managed.enabled,
            runtimeFolder: managed.settings.ACS_RUN_DIR || '/run/acs',
          },
        }
      : {}),
    others,
    died: dead.includes(name),
    volumes: references.map(({ name: volume, ids }) => ({ name: volume, mounts: ids.length })),
  }
}

async function findService(
  name: string,
  { runner, unitFolders = systemUnitFolders }: AbsenceTools,
  deadline: Deadline,
): Promise<Absence['service']> {
  const unit = `${unitBase(name)}.service`
  if (!(await isInAny(unitFolders, unit))) return undefined
  const shown = await runner
    .run('systemctl', ['show', '--property=ActiveState,Result', unit], { deadline, timeoutMs: askMs })
    .catch(() => undefined)
  const setting = (key: string): string | undefined =>
    new RegExp(`^${key}=(.+)$`, 'm').exec(shown?.stdout ?? '')?.[1]?.trim()
  const [active, result] = [setting('ActiveState'), setting('Result')]
  if (active === undefined) return { unit, state: 'installed' }
  return { unit, state: active === 'failed' && result !== undefined ? `failed (${result})` : active }
}

async function isInAny(folders: readonly string[], file: string): Promise<boolean> {
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, file)).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}

/** The error that says so: what there is, and the next command. EACSPLUGINDOWN (not-found). */
export function notRunning(absence: Absence, runtimeFolder: string): AcsError {
  const { name, socket, service, managed, others, died, volumes } = absence
  const parts = [`the volume plugin "${printable(name)}" does not run${died ? ', and did not end in order' : ''}`]
  const hints: string[] = []
  const asked = name === defaultPluginName ? '' : ` --name ${name}`
  if (others.length > 0) {
    parts.push(`${others.map((other) => `"${other}"`).join(' and ')} ${others.length > 1 ? 'do' : 'does'}`)
    hints.push(...others.map((other) => `acs plugin status --name ${other}`))
  }
  if (managed) {
    parts.push(`the managed plugin ${managed.name} is ${managed.enabled ? 'enabled' : 'disabled'}`)
    if (!managed.enabled) hints.push(`docker plugin enable --timeout 0 ${managed.name}`)
    else if (managed.runtimeFolder !== runtimeFolder)
      hints.push(`It tells of itself elsewhere: ACS_RUN_DIR=${managed.runtimeFolder} acs plugin status`)
    else hints.push('An older acs tells nothing of itself; its log: journalctl -u docker | grep plugin=')
  }
  if (service) {
    parts.push(`${service.unit} is ${service.state}`)
    if (socket.state === 'answers' && !service.state.startsWith('failed'))
      parts.push(`systemd listens on ${socket.path}, and starts it with the first call`)
    hints.push(
      `systemctl start ${service.unit.replace('.service', '.socket')} ${service.unit}`,
      `journalctl -u ${service.unit.replace('.service', '')} -n 50`,
    )
  } else if (!managed) parts.push('it is not installed')
  if (socket.state === 'stale') {
    parts.push(`its socket ${socket.path} is stale, and Docker waits 15 s for it`)
    hints.unshift(`acs doctor --fix   or rm ${socket.path}`)
  } else if (socket.state === 'answers' && !service && !managed) {
    parts.push(`somebody else listens on ${socket.path}`)
    hints.push(`See who: ss -xlp src ${socket.path}`)
  }
  if (!service && !managed) hints.push(`acs plugin install${asked}`, `Without systemd: acs plugin serve${asked}`)
  if (volumes.length > 0) {
    const one = volumes.length === 1
    parts.push(
      `${volumes.length} volume${one ? '' : 's'} of it ${one ? 'is' : 'are'} still here, and containers that use ${one ? 'it' : 'them'} go on`,
    )
    hints.push('See them: acs top')
  }
  return new AcsError('not-found', 'EACSPLUGINDOWN', parts.join('; '), { hints, details: { ...absence } })
}
