import { Args, Flags } from '@oclif/core'
import { AcsCommand } from '../../../lib/cli/base-command.js'
import type { JsonRecord } from '../../../lib/cli/output/columns.js'
import { faultColumns, simulatorFlags } from '../../../lib/cli/simulator.js'
import { faultKinds } from '../../../lib/sim/fault-kinds.js'

export default class SimFaultAdd extends AcsCommand<JsonRecord, typeof SimFaultAdd> {
  static override summary = 'Make something go wrong on the simulated cluster.'
  static override description =
    'REST faults (delay, status, drop, expire-session) match "METHOD /path", task-failure matches the operation, ' +
    'iscsi-drop a target or an initiator, disk-error and disk-full a disk UUID, a target or a group. "*" stands for any text.'
  static override examples = [
    "<%= config.bin %> sim fault add status --value 503 --match 'GET /volume_groups*' --count 2",
    '<%= config.bin %> sim fault add delay --value 2000 --until-cleared',
    '<%= config.bin %> sim fault add task-failure --match VolumeGroupClone --at-percent 60',
  ]
  static override args = {
    kind: Args.string({ description: 'What goes wrong', required: true, ignoreStdin: true, options: [...faultKinds] }),
  }
  static override flags = {
    ...simulatorFlags,
    match: Flags.string({ summary: 'What it strikes; everything by default.', helpValue: 'GLOB' }),
    count: Flags.integer({
      summary: 'How often it strikes.',
      helpValue: 'N',
      min: 1,
      default: 1,
      exclusive: ['until-cleared'],
    }),
    'until-cleared': Flags.boolean({ summary: 'Strike until acs sim fault clear.' }),
    value: Flags.integer({ summary: 'delay: ms; status: the HTTP code.', helpValue: 'N', min: 0 }),
    message: Flags.string({ summary: "status, task-failure: the cluster's words.", helpValue: 'TEXT' }),
    when: Flags.option({
      summary: 'drop: before anything is done (the default), or after, so that only the answer is lost.',
      options: ['before', 'after'] as const,
    })(),
    'at-percent': Flags.integer({ summary: 'task-failure: when the task fails.', helpValue: 'N', min: 0, max: 100 }),
  }

  async run(): Promise<JsonRecord> {
    const { defaultDataFolder } = await import('../../../lib/sim/data-folder.js')
    const { connectAdmin } = await import('../../../lib/sim/admin-client.js')
    const { match, value, message, count, when } = this.flags
    const kind = faultKinds.find((candidate) => candidate === this.args.kind) ?? 'status'
    const admin = await connectAdmin(this.flags.data ?? defaultDataFolder(), this.deadline)
    const times = this.flags['until-cleared'] ? null : count
    const fault = await admin.addFault({
      kind,
      match,
      value,
      message,
      when,
      atPercent: this.flags['at-percent'],
      count: times,
    })
    return this.showOne(faultColumns, fault)
  }
}
