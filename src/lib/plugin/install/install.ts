import { join } from 'node:path'
import type { Deadline } from '../../base/deadline.js'
import { AcsError, isAcsError } from '../../base/errors.js'
import { printable } from '../../base/printable.js'
import type { Runner } from '../../host/host.js'
import { allReferences } from '../../volume/references.js'
import {
  isThere,
  namesBelow,
  planFiles,
  planRemoval,
  removeFiles,
  writeFiles,
  type FileChange,
  type WantedFile,
} from './files.js'
import { configYaml, passwordFile, pluginYaml, podmanConf, type InstalledConnection } from './templates.js'
import { checkPluginName, defaultPluginName, ownMark, serviceUnit, socketUnit, unitBase } from './units.js'

export interface InstallRequest {
  /** Name of the volume driver in Docker. */
  name: string
  /** What starts acs, absolute. */
  program: readonly string[]
  /** The cluster, for /etc/acs/config.yaml where there is none; without it that file is all comments. */
  connection?: InstalledConnection
  /** PEM text, for the connection's `caFile`. */
  ca?: string
  /** Tell Podman too. */
  podman: boolean
  /** A tree to write into, for a package; systemd is left alone then. */
  prefix?: string
  dryRun: boolean
}

export interface InstallTools {
  runner: Runner
  deadline: Deadline
  /** Told what is being done. */
  report: (step: string) => void
  /** Whether systemd is this machine's init; default: sd_booted(3). */
  systemdRuns?: () => Promise<boolean>
  /** The machine's own tree; default /. */
  root?: string
}

export interface InstallResult {
  files: FileChange[]
  /** Commands of systemd that ran, or would run. */
  commands: string[]
  /** What is left for a person to do. */
  next: string[]
}

const unitFolder = '/etc/systemd/system'
const configFile = '/etc/acs/config.yaml'

/**
 * Writes the plugin's units, and its configuration where there is none, and starts it. Idempotent: what is as it should be
 * stays. Throws EACSNAME (usage), EACSEXISTS, EACSNOTROOT.
 */
export async function installPlugin(request: InstallRequest, tools: InstallTools): Promise<InstallResult> {
  checkPluginName(request.name)
  const root = request.prefix ?? tools.root ?? '/'
  await refuseSecond(root, request.name)
  const wanted = wantedFiles(request)
  const files = await planFiles(root, wanted, ownMark)
  const systemd = request.prefix === undefined && (await (tools.systemdRuns ?? systemdRuns)())
  const commands = systemd ? startCommands(request.name, files) : []
  if (!request.dryRun) {
    await writeFiles(root, wanted, files)
    for (const command of commands) await run(tools, command)
  }
  return { files, commands: commands.map(words), next: await nextSteps(request, root, files, systemd) }
}

export interface UninstallRequest {
  name: string
  prefix?: string
  /** Although containers use volumes: they lose the plugin, and keep what is mounted. */
  force: boolean
  dryRun: boolean
  /** Folder of the plugin's references. */
  stateFolder: string
}

/**
 * Stops the plugin and removes what the installer wrote: units by their mark, configuration where nobody has changed it.
 * Volumes, state and passwords stay. Throws EACSINUSE while containers use volumes.
 */
export async function uninstallPlugin(request: UninstallRequest, tools: InstallTools): Promise<InstallResult> {
  checkPluginName(request.name)
  const root = request.prefix ?? tools.root ?? '/'
  if (request.prefix === undefined && !request.force) await refuseInUse(request.stateFolder)
  const wanted = wantedFiles({ ...request, program: [], podman: true })
  const files = await planRemoval(root, wanted, ownMark)
  const units = files.filter(({ path, action }) => path.startsWith(unitFolder) && action === 'removed')
  const systemd = request.prefix === undefined && units.length > 0 && (await (tools.systemdRuns ?? systemdRuns)())
  const base = unitBase(request.name)
  const before = systemd ? [['systemctl', 'disable', '--now', `${base}.socket`, `${base}.service`]] : []
  const after = systemd ? [['systemctl', 'daemon-reload']] : []
  if (!request.dryRun) {
    for (const command of before) await run(tools, command)
    await removeFiles(root, files)
    for (const command of after) await run(tools, command)
  }
  const next = [
    ...(request.prefix === undefined && (await isThere(join(root, passwordFile)))
      ? [`rm ${passwordFile}   when nothing else uses it`]
      : []),
    ...files.flatMap(({ path, action }) => (action === 'kept' ? [`rm ${path}   it is not as acs wrote it`] : [])),
  ]
  return { files, commands: [...before, ...after].map(words), next }
}

/** Two plugins on one host would share its state and undo each other's work. */
async function refuseSecond(root: string, name: string): Promise<void> {
  const base = unitBase(name)
  const [other] = (await namesBelow(root, unitFolder)).filter(
    (unit) => /^acs-plugin(?:-[\w.-]+)?\.socket$/.test(unit) && unit !== `${base}.socket`,
  )
  if (other === undefined) return
  const otherName = /^acs-plugin-(.+)\.socket$/.exec(other)?.[1] ?? defaultPluginName
  throw new AcsError('conflict', 'EACSEXISTS', `the plugin is installed on this host as ${otherName} already`, {
    hints: [
      `To rename it: acs plugin uninstall${otherName === defaultPluginName ? '' : ` --name ${otherName}`}, then again`,
    ],
    details: { unit: other },
  })
}

async function refuseInUse(stateFolder: string): Promise<void> {
  const used = (await allReferences(stateFolder)).filter(({ ids }) => ids.length > 0)
  if (used.length === 0) return
  const names = used.map(({ name }) => printable(name))
  throw new AcsError('conflict', 'EACSINUSE', `containers use ${names.join(', ')} through the plugin`, {
    hints: [
      ...names.slice(0, 3).map((name) => `See which: docker ps -a --filter volume=${name}`),
      'To leave them with what is mounted and without a plugin: --force',
    ],
    details: { volumes: names },
  })
}

function wantedFiles(request: Pick<InstallRequest, 'name' | 'program' | 'podman' | 'connection' | 'ca'>): WantedFile[] {
  const { name, connection, ca } = request
  const base = unitBase(name)
  return [
    { path: join(unitFolder, `${base}.socket`), content: socketUnit(request), mode: 0o644, kind: 'own' },
    { path: join(unitFolder, `${base}.service`), content: serviceUnit(request), mode: 0o644, kind: 'own' },
    { path: '/etc/acs/plugin.yaml', content: pluginYaml, mode: 0o644, kind: 'yours' },
    { path: configFile, content: configYaml(connection), mode: 0o644, kind: 'yours' },
    ...(connection?.caFile !== undefined && ca !== undefined
      ? [{ path: connection.caFile, content: ca, mode: 0o644, kind: 'yours' } as const]
      : []),
    ...(request.podman
      ? [
          {
            path: '/etc/containers/containers.conf.d/acs.conf',
            content: podmanConf(name),
            mode: 0o644,
            kind: 'own',
          } as const,
        ]
      : []),
  ]
}

/** sd_booted(3). */
async function systemdRuns(): Promise<boolean> {
  return isThere('/run/systemd/system')
}

function startCommands(name: string, files: readonly FileChange[]): string[][] {
  const base = unitBase(name)
  const changed = (end: string): boolean =>
    files.some(({ path, action }) => path === join(unitFolder, base + end) && action !== 'unchanged')
  const [socket, service] = [changed('.socket'), changed('.service')]
  return [
    ...(socket || service ? [['systemctl', 'daemon-reload']] : []),
    // A socket unit takes on its changes only while its service does not run.
    ...(socket ? [['systemctl', 'stop', `${base}.service`, `${base}.socket`]] : []),
    ['systemctl', 'enable', '--now', `${base}.socket`],
    ['systemctl', 'enable', `${base}.service`],
    // Containers keep what is mounted meanwhile, and Docker waits in the socket.
    ['systemctl', socket || service ? 'restart' : 'start', `${base}.service`],
  ]
}

async function nextSteps(
  request: InstallRequest,
  root: string,
  files: readonly FileChange[],
  systemd: boolean,
): Promise<string[]> {
  const { name, connection, prefix } = request
  if (prefix !== undefined) return []
  const base = unitBase(name)
  const password = (await isThere(join(root, passwordFile)))
    ? []
    : [
        `install -m 600 /dev/stdin ${passwordFile}   and type the password of ${connection?.username ?? 'the user'}, Enter, Ctrl-D`,
      ]
  return [
    ...(connection || files.some(({ path, action }) => path === configFile && action === 'kept')
      ? []
      : [`Say which cluster, in ${configFile}: endpoint, username, fingerprint, credential`]),
    ...password,
    ...(systemd
      ? []
      : [`systemctl enable --now ${base}.socket ${base}.service   once systemd runs; without it: acs plugin serve`]),
    ...(request.podman ? [] : ['acs plugin install --podman   where Podman is to use it too']),
    'acs doctor   looks whether all is well',
  ]
}

async function run({ runner, deadline, report }: InstallTools, argv: readonly string[]): Promise<void> {
  const [command = '', ...args] = argv
  report(words(argv))
  try {
    await runner.run(command, args, { deadline, timeoutMs: 180_000 })
  } catch (error) {
    if (!isAcsError(error, 'EACSCOMMAND')) throw error
    throw new AcsError('failed', 'EACSSYSTEMD', `systemd refused "${words(argv)}": ${String(error.details.stderr)}`, {
      cause: error,
      hints: ['Once that is put right, run the same command again', 'journalctl -e'],
      details: { command: words(argv) },
    })
  }
}

function words(argv: readonly string[]): string {
  return argv.join(' ')
}
