import { join, resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { durationFlag, sizeFlag } from '../../lib/cli/flags.js'
import { interruptSignal } from '../../lib/cli/interrupt.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { runningColumns, simulatorFlags } from '../../lib/cli/simulator.js'
import { hypervisorKinds } from '../../lib/sim/hypervisor-kinds.js'

const defaultTaskMs = 300

export default class SimStart extends AcsCommand<JsonRecord | null, typeof SimStart> {
  static override summary = 'Start a simulated Prism cluster on this machine, with real iSCSI disks.'
  static override description =
    'Needs neither root nor any system package. State survives a restart. Without --detach it runs until Ctrl-C.'
  static override examples = [
    '<%= config.bin %> sim start --detach && eval "$(<%= config.bin %> sim env)"',
    '<%= config.bin %> sim start --data /tmp/cluster --listen 127.0.0.1:0 --iscsi 127.0.0.1:0',
  ]
  static override flags = {
    ...simulatorFlags,
    detach: Flags.boolean({ summary: 'Run as a daemon; returns once it answers.' }),
    listen: Flags.string({
      summary: 'Address of the REST API; port 0 picks a free one.',
      helpValue: 'HOST:PORT',
      default: '127.0.0.1:9440',
    }),
    iscsi: Flags.string({
      summary: "Address of the iSCSI data services portal (127.0.0.1:3260; where machines boot, their subnet's first).",
      helpValue: 'HOST:PORT',
    }),
    hypervisor: Flags.option({
      summary: 'What machines are: records, or QEMU processes that really boot.',
      options: hypervisorKinds,
      default: 'records' as const,
    })(),
    subnet: Flags.string({
      summary: 'Subnet of the cluster and of its first network where machines boot as root (10.38.0.0/24).',
      helpValue: 'CIDR',
    }),
    'task-duration': durationFlag({ summary: 'How long a task takes (300ms).', default: defaultTaskMs }),
    capacity: sizeFlag({ summary: 'Capacity of the storage containers of a new cluster (10.8T).' }),
    record: Flags.string({
      summary: 'Add every request and answer to this file, one JSON object a line, secrets left out.',
      helpValue: 'FILE',
      env: 'ACS_SIM_RECORD',
    }),
  }

  async run(): Promise<JsonRecord | null> {
    const { defaultDataFolder } = await import('../../lib/sim/data-folder.js')
    const dataFolder = resolve(this.flags.data ?? defaultDataFolder())
    if (this.flags.detach) return this.detach(dataFolder)
    const { runSimulator } = await import('../../lib/sim/daemon.js')
    const { listen, iscsi, capacity, hypervisor, subnet } = this.flags
    const behaviour = { taskDurationMs: this.flags['task-duration'] }
    const { record } = this
    const places = { dataFolder, listen, iscsi, hypervisor, subnet, record }
    const options = { ...places, behaviour, containerCapacityBytes: capacity }
    await runSimulator(options, interruptSignal(), ({ endpoint, dataServices }) => {
      this.say(`The simulator answers on ${endpoint}, iSCSI on ${dataServices}. Ctrl-C stops it.`)
      this.say(`In another shell: ${this.environmentCommand}`)
    })
    return null
  }

  private async detach(dataFolder: string): Promise<JsonRecord> {
    const { startDetached } = await import('../../lib/sim/daemon.js')
    const { listen, iscsi, capacity, hypervisor, subnet } = this.flags
    const argv = ['sim', 'start', '--data', dataFolder, '--listen', listen, '--hypervisor', hypervisor]
    if (iscsi !== undefined) argv.push('--iscsi', iscsi)
    if (subnet !== undefined) argv.push('--subnet', subnet)
    argv.push('--task-duration', `${this.flags['task-duration']}ms`, '--no-input')
    if (capacity !== undefined) argv.push('--capacity', String(capacity))
    if (this.record !== undefined) argv.push('--record', this.record)
    const program = join(this.config.root, 'bin', 'run.js')
    this.progress.start('Starting the simulator')
    const running = await startDetached({ dataFolder, argv, program }, this.deadline)
    this.progress.done()
    const record = await this.showOne(runningColumns, running)
    this.say(`Use it: ${this.environmentCommand}`)
    return record
  }

  /** Absolute: a daemon works in `/`. */
  private get record(): string | undefined {
    return this.flags.record ? resolve(this.flags.record) : undefined
  }

  private get environmentCommand(): string {
    const { data } = this.flags
    return `eval "$(acs sim env${data === undefined ? '' : ` --data '${resolve(data).replaceAll("'", "'\\''")}'`})"`
  }
}
