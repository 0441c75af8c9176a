import { Flags } from '@oclif/core'
import { formatDuration } from '../../lib/base/durations.js'
import { printable } from '../../lib/base/printable.js'
import { formatSize } from '../../lib/base/sizes.js'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { textOf, type Columns, type JsonRecord, type JsonValue } from '../../lib/cli/output/columns.js'
import { style } from '../../lib/cli/terminal.js'
import { defaultRuntimeFolder, defaultStateFolder } from '../../lib/host/roots.js'
import type { DriverStatus, PluginStatus, VolumeStatus } from '../../lib/plugin/status/schema.js'

/** Docker is asked for names only; it is no reason to wait. */
const dockerMs = 1_500

interface ShownVolume extends VolumeStatus {
  /** Null when Docker did not say. */
  containers: string[] | null
}

const size = { numeric: true, format: (value: JsonValue) => formatSize(Number(value)) }

const volumeColumns: Columns<ShownVolume> = [
  { key: 'name', header: 'Name', value: ({ name }) => name },
  {
    key: 'containers',
    header: 'Containers',
    value: ({ containers }) => containers,
  },
  {
    key: 'state',
    header: 'State',
    value: ({ state }) => state,
    format: (value, { lingersUntil }) =>
      lingersUntil === null ? textOf(value) : `${textOf(value)} ${until(lingersUntil)}`,
  },
  { key: 'callers', header: 'Mounts', numeric: true, value: ({ callers }) => callers.length },
  { key: 'sizeBytes', header: 'Size', ...size, value: ({ sizeBytes }) => sizeBytes },
  { key: 'usedBytes', header: 'Used', ...size, value: ({ usedBytes }) => usedBytes },
  { key: 'filesystem', header: 'Filesystem', value: ({ filesystem }) => filesystem },
  { key: 'device', header: 'Device', value: ({ device }) => device },
  { key: 'mountPoint', header: 'Mount point', value: ({ mountPoint }) => mountPoint },
]

const runs = {
  'managed-plugin': 'managed plugin of Docker',
  service: 'service of systemd',
  process: 'process',
} as const

export default class PluginStatusCommand extends AcsCommand<JsonRecord, typeof PluginStatusCommand> {
  static override summary = 'Show how the running volume plugin is, and the volumes it has here.'
  static override description =
    'Asks the plugin itself, on a socket in /run/acs that only root reads; neither the cluster nor a disk is asked. Exit code 0 when it is ready, also with problems, which are told; 1 while it starts or stops; 3 when it does not run, with the reason and the next command. docs/plugin-status.md has the rest.'
  static override examples = [
    'sudo <%= config.bin %> plugin status',
    'sudo <%= config.bin %> plugin status --json | jq \'.result.driver.volumes[] | select(.state == "lost")\'',
  ]
  static override flags = {
    name: Flags.string({ summary: 'Name of the volume driver in Docker; default: the one that runs.' }),
  }

  async run(): Promise<JsonRecord> {
    const { checkPluginName } = await import('../../lib/plugin/install/units.js')
    const { findPlugins } = await import('../../lib/plugin/status/find.js')
    const { healthOf } = await import('../../lib/plugin/status/health.js')
    const { name } = this.flags
    if (name !== undefined) checkPluginName(name)
    const { plugin, others, dead } = await findPlugins(defaultRuntimeFolder(), name, this.deadline)
    if (!plugin) return this.explain({ name, others, dead })
    const { ready, problems } = healthOf(plugin)
    const volumes = await this.volumesOf(plugin)
    if (this.flags.output === 'name') this.print(plugin.name)
    else await this.show(plugin, volumes, ready)
    for (const problem of problems) this.warn(problem)
    if (name === undefined && others.length > 0) this.warn(`there are others: ${others.join(', ')} (--name)`)
    // Not an error: the status is the result, and this says whether the plugin serves volumes.
    if (!ready) process.exitCode = 1
    const { driver, ...rest } = plugin
    return { ready, problems, ...rest, driver: driver && { ...driver, volumes: volumes.map(volumeRecord) } }
  }

  private async explain(found: { name: string | undefined; others: string[]; dead: string[] }): Promise<never> {
    const { dockerApi } = await import('../../lib/plugin/docker-api.js')
    const { explainAbsence, notRunning } = await import('../../lib/plugin/status/absence.js')
    const { defaultPluginName } = await import('../../lib/plugin/install/units.js')
    const { defaultConfigFile, readPluginSettings, pluginSettings } = await import('../../lib/plugin/settings.js')
    const { createRunner } = await import('../../lib/host/exec.js')
    const { dockerSocket } = await readPluginSettings(defaultConfigFile).catch(() => pluginSettings({}))
    const absence = await explainAbsence(
      { ...found, name: found.name ?? found.dead[0] ?? defaultPluginName },
      {
        runner: createRunner(),
        docker: dockerApi(dockerSocket),
        stateFolder: defaultStateFolder(),
        deadline: this.deadline,
      },
    )
    throw notRunning(absence, defaultRuntimeFolder())
  }

  /** With the names of the containers that use them, where Docker tells quickly. */
  private async volumesOf({ driver }: PluginStatus): Promise<ShownVolume[]> {
    if (!driver || driver.volumes.length === 0) return []
    const { dockerApi } = await import('../../lib/plugin/docker-api.js')
    const { containersByVolume } = await import('../../lib/plugin/status/containers.js')
    const docker = dockerApi(driver.settings.dockerSocket, dockerMs)
    const names = await containersByVolume(docker, this.deadline.atMost(dockerMs))
    return driver.volumes.map((volume) => ({ ...volume, containers: names ? (names.get(volume.name) ?? []) : null }))
  }

  private async show(plugin: PluginStatus, volumes: readonly ShownVolume[], ready: boolean): Promise<void> {
    if (this.jsonEnabled()) return
    const { name, state, version, pid, since, runs: how } = plugin
    const mark = style(ready ? 'green' : 'yellow', state, process.stdout)
    const lines = [
      `${style('bold', name, process.stdout)} is ${mark}: acs ${version}, ${runs[how]}, pid ${pid}, for ${age(since)}`,
    ]
    const silent = volumes.some(({ containers }) => containers === null)
    const facts = [
      ...(plugin.driver ? driverFacts(plugin.driver) : []),
      ...callFacts(plugin),
      ...(silent && plugin.driver ? [silentDocker(plugin.driver)] : []),
    ]
    const width = Math.max(...facts.map(([title]) => title.length))
    lines.push(
      '',
      ...facts.map(([title, text]) => `${style('bold', title.padEnd(width), process.stdout)}  ${printable(text)}`),
    )
    this.print(lines.join('\n'))
    if (volumes.length === 0) return
    const { listTable } = await import('../../lib/cli/output/table.js')
    this.print(`\n${await listTable(volumeColumns, volumes)}`)
  }
}

type Fact = readonly [title: string, text: string]

function driverFacts({ prism, cache, initiator, sessions, peerAddress, settings }: DriverStatus): Fact[] {
  const { takeOver } = settings
  const answered = prism.answeredAt === null ? 'not heard yet' : `answered ${age(prism.answeredAt)} ago`
  return [
    ['Cluster', `${prism.endpoint ?? '-'}: ${prism.state.replace('-', ' ')}, ${answered}`],
    [
      'Volumes',
      `${cache.volumes} known, list ${cache.refreshedAt === null ? 'not there yet' : `${age(cache.refreshedAt)} old`}`,
    ],
    ['Initiator', initiator ? `${initiator.kind}, ${initiator.name}, ${sessions ?? '?'} disks here` : 'none yet'],
    ['Hosts ask', peerAddress ?? 'not yet'],
    [
      'Settings',
      `${settings.configFile}: linger ${formatDuration(settings.lingerMs)}, ${takeOver.policy} after ${formatDuration(takeOver.delayMs)}, trash ${formatDuration(settings.keepTrashMs)}`,
    ],
  ]
}

function silentDocker({ settings }: DriverStatus): Fact {
  return ['Docker', `${settings.dockerSocket} does not tell which containers use them`]
}

function callFacts({ socket, calls, counts, lastFailure }: PluginStatus): Fact[] {
  const more = [
    ...(counts.retries > 0 ? [`${counts.retries} retries`] : []),
    ...(counts.journalReplays > 0 ? [`${counts.journalReplays} interrupted operations taken up`] : []),
  ]
  return [
    ['Socket', socket],
    ['Calls', [`${counts.calls} ended, ${counts.failed} failed, ${calls.length} at work`, ...more].join(', ')],
    ...calls.map(({ call, volume, since, step }): Fact => [
      '',
      `${call} ${volume ?? ''} for ${age(since)}${step === null ? '' : `, at ${step}`}`,
    ]),
    ...(lastFailure
      ? [
          [
            'Last failed',
            `${lastFailure.call} ${lastFailure.volume ?? ''} ${age(lastFailure.at)} ago: ${lastFailure.message} (${lastFailure.code})`,
          ] as const,
        ]
      : []),
  ]
}

function volumeRecord(volume: ShownVolume): JsonRecord {
  return { ...volume, callers: volume.callers.map((caller) => ({ ...caller })) }
}

function age(time: string): string {
  return formatDuration(Math.max(0, Date.now() - Date.parse(time)))
}

function until(time: string): string {
  return `${Math.max(0, Math.round((Date.parse(time) - Date.now()) / 1000))}s`
}
