import { Flags } from '@oclif/core'
import { formatSize } from '../../lib/base/sizes.js'
import { mutationFlags, timeoutFlag } from '../../lib/cli/flags.js'
import { recordOf, type Columns, type JsonRecord } from '../../lib/cli/output/columns.js'
import { VolumeCommand } from '../../lib/cli/volume-command.js'
import type { DvpReport } from '../../lib/plugin/migrate/dvp.js'

type Row = DvpReport['volumes'][number]

const columns: Columns<Row> = [
  { key: 'name', header: 'Volume', value: ({ name }) => name },
  { key: 'uuid', header: 'UUID', value: ({ uuid }) => uuid ?? null },
  {
    key: 'sizeBytes',
    header: 'Size',
    numeric: true,
    format: (value) => formatSize(Number(value)),
    value: ({ sizeBytes }) => sizeBytes ?? null,
  },
  { key: 'state', header: 'State', value: ({ state }) => state },
  { key: 'inDocker', header: 'In Docker', value: ({ inDocker }) => inDocker },
  { key: 'filesystem', header: 'Filesystem', value: ({ filesystem }) => filesystem ?? null },
  { key: 'attachedTo', header: 'Attached to', value: ({ attachedTo }) => attachedTo },
  {
    key: 'containers',
    header: 'Containers',
    value: ({ containers }) => containers.map(({ name, state }) => `${name} (${state})`),
  },
  { key: 'what', header: 'What happens', value: ({ what }) => what },
]

export default class MigrateDvp extends VolumeCommand<JsonRecord, typeof MigrateDvp> {
  static override summary =
    "Take over from Nutanix's old Docker volume plugin (DVP): show how, and mark its volumes as acs's."
  static override description = [
    'Reads the cluster and, where it is reachable, Docker on this machine: which volumes there are, who has them attached, which containers use them, and what to do in which order.',
    'With --dry-run that is all. Without, volumes of containers on this machine that nobody has attached are marked as managed by acs, after a question: Docker then lists them, and docker volume rm moves them to the trash. No disk is touched, and nothing is ever formatted.',
  ].join('\n\n')
  static override examples = [
    '<%= config.bin %> migrate dvp --dry-run',
    '<%= config.bin %> migrate dvp --volume pg --volume web --yes',
  ]
  static override flags = {
    volume: Flags.string({ summary: 'Only this one; may be repeated.', helpValue: 'NAME', multiple: true }),
    all: Flags.boolean({
      summary: 'Mark also what no container here uses. The old plugin showed Docker every group of the cluster.',
    }),
    driver: Flags.string({ summary: "The old plugin's name in Docker, where it is gone already.", default: 'nutanix' }),
    docker: Flags.string({ summary: "Socket of Docker's API.", helpValue: 'PATH', default: '/var/run/docker.sock' }),
    initiator: Flags.string({ summary: "This host's initiator, if it is not open-iscsi's.", helpValue: 'IQN' }),
    yes: Flags.boolean({ char: 'y', summary: 'Do not ask for confirmation.' }),
    'dry-run': mutationFlags['dry-run'],
    timeout: timeoutFlag('5m'),
  }

  async run(): Promise<JsonRecord> {
    const { reportDvp, markable } = await import('../../lib/plugin/migrate/dvp.js')
    const { dockerApi } = await import('../../lib/plugin/docker-api.js')
    const { volume: only = [], all, driver, docker, initiator } = this.flags
    this.progress.start('Looking at the cluster and at Docker')
    const report = await reportDvp({
      prism: await this.prism(),
      // dockerd gives a plugin that does not answer 15 s.
      docker: dockerApi(docker, 60_000),
      driver,
      initiatorNames: initiator === undefined ? await kernelInitiatorNames() : [initiator],
      deadline: this.deadline,
      only,
    })
    this.progress.done()
    await this.show(report)
    const chosen = markable(report, { only, all })
    const marked = this.flags['dry-run'] ? [] : await this.mark(chosen)
    return {
      oldPlugin: report.oldPlugin ? { ...report.oldPlugin, settings: { ...report.oldPlugin.settings } } : null,
      dockerReachable: report.dockerReachable,
      volumes: report.volumes.map((row) => recordOf(columns, row)),
      steps: report.steps,
      ...(this.flags['dry-run'] ? { wouldMark: chosen.map(({ name }) => name) } : { marked }),
    }
  }

  private async mark(chosen: readonly Row[]): Promise<string[]> {
    if (chosen.length === 0) {
      this.say('No volume can be marked as managed by acs now.')
      return []
    }
    const { markManaged } = await import('../../lib/plugin/migrate/mark.js')
    const names = chosen.map(({ name }) => name).join(', ')
    await this.prompt.confirm(`Mark ${names} as managed by acs? Their disks are not touched.`)
    const marked = await markManaged(await this.volumes(), chosen)
    this.say(`Marked as managed by acs: ${marked.map(({ name }) => name).join(', ')}.`)
    return marked.map(({ name }) => name)
  }

  private async show({ volumes, warnings, steps, oldPlugin }: DvpReport): Promise<void> {
    for (const text of warnings) this.warn(text)
    if (this.flags.output === 'name') {
      this.print(volumes.map(({ name }) => name).join('\n'))
      return
    }
    if (this.jsonEnabled()) return
    const { listTable } = await import('../../lib/cli/output/table.js')
    const { printable } = await import('../../lib/base/printable.js')
    if (oldPlugin) {
      const settings = Object.entries(oldPlugin.settings).map(([key, value]) => `${key}=${value}`)
      const state = oldPlugin.enabled ? 'enabled' : 'disabled'
      this.print(printable(`Old plugin: ${oldPlugin.name} (${state}) ${settings.join(' ')}`))
    }
    const shown = columns.filter(({ key }) => !['uuid', 'inDocker', 'filesystem'].includes(key))
    if (volumes.length > 0) this.print(`\n${await listTable(shown, volumes)}`)
    else this.say('No volumes of the old plugin.')
    this.print(`\nSteps:\n${steps.map((step, index) => `  ${index + 1}. ${step}\n`).join('')}`)
  }
}

/** The old plugin logged in under open-iscsi's name; a machine without it is not its host. */
async function kernelInitiatorNames(): Promise<string[]> {
  const { createInitiators } = await import('../../lib/host/machine.js')
  const { isAcsError } = await import('../../lib/base/errors.js')
  const kernel = createInitiators().find(({ kind }) => kind === 'kernel')
  try {
    return kernel ? [await kernel.name()] : []
  } catch (error) {
    if (isAcsError(error, 'EACSINITIATORNAME')) return []
    throw error
  }
}
