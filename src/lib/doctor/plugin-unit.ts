import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deadline } from '../base/deadline.js'
import { listOf, parseUnit, settingOf, type Unit } from '../host/systemd-unit.js'
import type { DoctorContext } from './context.js'
import { ok, type Finding } from './finding.js'
import { namesIn } from './folder.js'
import { judgeManaged, managedPlugins } from './managed-plugin.js'

/** A plugin that is installed as a service of systemd. */
export interface InstalledPlugin {
  /** Name of the volume driver. */
  name: string
  /** `acs-plugin.socket` */
  unit: string
  socketPath: string
}

/** The plugins that have a socket unit, by the socket it makes. */
export async function installedPlugins(context: DoctorContext): Promise<InstalledPlugin[]> {
  const found: InstalledPlugin[] = []
  for (const unit of await unitNames(context, '.socket')) {
    const socketPath = settingOf((await readUnit(context, unit))?.unit ?? new Map(), 'Socket', 'ListenStream')
    const name = /([^/]+)\.sock$/.exec(socketPath ?? '')?.[1]
    if (socketPath !== undefined && name !== undefined) found.push({ name, unit, socketPath })
  }
  return found
}

/** The plugin's units against the rules of docker-protocols.md A.7 and its finding 14; or the managed plugin in their place. */
export async function unitFindings(context: DoctorContext, deadline: Deadline): Promise<Finding[]> {
  const units = [...(await unitNames(context, '.socket')), ...(await unitNames(context, '.service'))]
  const managed = await managedPlugins(context, deadline)
  const asManaged = managed.map((plugin) => judgeManaged(plugin, units))
  if (units.length === 0 && asManaged.length === 0)
    return [
      {
        id: 'plugin-unit',
        severity: 'info',
        title: 'the volume plugin is not installed, neither as a service nor as a managed plugin',
        evidence: [`no acs-plugin.socket in ${context.unitFolders.join(', ')}`],
        cure: ['acs plugin install   to use volumes with Docker or Podman'],
      },
    ]
  const looked = await Promise.all(
    units.map(async (name) => {
      const read = await readUnit(context, name)
      return read === undefined ? [] : judgeUnit(name, read.unit, read.files)
    }),
  )
  return [...asManaged, ...looked.flat()]
}

/** What is wrong with a unit of the plugin; one finding that says so when nothing is. */
export function judgeUnit(name: string, unit: Unit, files: readonly string[]): Finding[] {
  const faults = name.endsWith('.socket')
    ? orderFaults(name, unit)
    : [...orderFaults(name, unit), ...sandboxFaults(unit)]
  if (faults.length === 0) return [ok('plugin-unit', `${name} is as it should be`, files)]
  return faults.map(({ title, line, cure }) => ({
    id: 'plugin-unit',
    about: name,
    severity: 'problem',
    title: `${name}: ${title}`,
    evidence: [...(line === undefined ? [] : [line]), ...files],
    cure: [cure, 'systemctl daemon-reload'],
  }))
}

interface Fault {
  title: string
  line?: string
  cure: string
}

function orderFaults(name: string, unit: Unit): Fault[] {
  if (listOf(unit, 'Unit', 'Before').includes('docker.service')) return []
  return [
    {
      title: 'Docker may start before it, and then waits 15 s for every volume',
      cure: `In ${name}: [Unit] Before=docker.service, or acs plugin install again`,
    },
  ]
}

/**
 * Each gives the service a mount namespace of its own, and Docker would see none of its mounts. Source:
 * exec_needs_mount_namespace in systemd's src/core/execute.c; credentials (LoadCredential=) are not among them.
 */
const mountNamespaces = [
  ...['PrivateTmp', 'PrivateDevices', 'PrivateMounts', 'PrivateIPC', 'PrivateNetwork', 'NetworkNamespacePath'],
  ...['ProtectSystem', 'ProtectHome', 'ProtectKernelTunables', 'ProtectKernelModules', 'ProtectKernelLogs'],
  ...['ProtectControlGroups', 'ProtectProc', 'ProcSubset', 'IPCNamespacePath', 'LogNamespace', 'MountFlags'],
  ...['ReadOnlyPaths', 'ReadWritePaths', 'InaccessiblePaths', 'ExecPaths', 'NoExecPaths'],
  ...['ReadOnlyDirectories', 'ReadWriteDirectories', 'InaccessibleDirectories'],
  ...['BindPaths', 'BindReadOnlyPaths', 'TemporaryFileSystem', 'MountImages', 'ExtensionImages'],
  ...['ExtensionDirectories', 'RootDirectory', 'RootImage', 'DynamicUser'],
]

/** Values that leave the service where it is. */
const harmless = ['no', 'false', 'off', '0', 'n', 'f', 'default', 'all', 'shared']

function sandboxFaults(unit: Unit): Fault[] {
  const faults: Fault[] = mountNamespaces.flatMap((key) => {
    const value = settingOf(unit, 'Service', key)
    if (value === undefined || harmless.includes(value.toLowerCase())) return []
    return [
      {
        title: `${key}= hides the volumes it mounts from Docker`,
        line: `${key}=${value}`,
        cure: `Take ${key}= out of it`,
      },
    ]
  })
  const kill = settingOf(unit, 'Service', 'KillMode') ?? 'control-group'
  if (kill !== 'process')
    faults.push({
      title: 'a restart of the plugin kills the storage daemons of mounted volumes',
      line: `KillMode=${kill}`,
      cure: 'Set [Service] KillMode=process',
    })
  for (const key of ['Requires', 'BindsTo', 'PartOf'])
    if (listOf(unit, 'Unit', key).includes('docker.service'))
      faults.push({
        title: 'a restart of Docker stops the plugin under its volumes',
        line: `${key}=docker.service`,
        cure: `Take docker.service out of ${key}=`,
      })
  return faults
}

/** `acs-plugin.socket`, and `acs-plugin-NAME.socket` of plugins with another name. */
async function unitNames({ unitFolders }: DoctorContext, end: '.socket' | '.service'): Promise<string[]> {
  const names = await Promise.all(unitFolders.map(namesIn))
  const ours = names.flat().filter((name) => /^acs-plugin(?:-[\w.-]+)?\.(?:socket|service)$/.test(name))
  return [...new Set(ours.filter((name) => name.endsWith(end)))].sort()
}

/** The unit with its drop-ins, from the first folder that has it. */
async function readUnit(
  { unitFolders }: DoctorContext,
  name: string,
): Promise<{ unit: Unit; files: string[] } | undefined> {
  for (const folder of unitFolders) {
    const main = join(folder, name)
    const text = await readFile(main, 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const dropIns = await Promise.all(unitFolders.map((each) => dropInsOf(join(each, `${name}.d`))))
    const files = [main, ...dropIns.flat()]
    const texts = await Promise.all(files.slice(1).map((file) => readFile(file, 'utf8')))
    return { unit: parseUnit(text, ...texts), files }
  }
  return undefined
}

async function dropInsOf(folder: string): Promise<string[]> {
  const names = await namesIn(folder)
  return names.filter((name) => name.endsWith('.conf')).map((name) => join(folder, name))
}
