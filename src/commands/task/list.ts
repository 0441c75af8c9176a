import { Flags } from '@oclif/core'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { listFlags } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { taskColumns } from '../../lib/cli/tasks.js'

export default class TaskList extends AcsCommand<JsonRecord[], typeof TaskList> {
  static override summary = "List the cluster's tasks, running ones unless --all."
  static override examples = [
    '<%= config.bin %> task list',
    '<%= config.bin %> task list --all --filter status=failed --columns operation,error',
  ]
  static override flags = {
    ...listFlags,
    all: Flags.boolean({ char: 'a', summary: 'Also tasks that have ended.' }),
    entity: Flags.string({ summary: 'Only tasks of the object with this UUID.', helpValue: 'UUID' }),
  }

  async run(): Promise<JsonRecord[]> {
    const prism = await this.prism()
    const filter = { includeCompleted: this.flags.all, entityUuid: this.flags.entity }
    return this.showList(taskColumns, await prism.tasks(filter, { deadline: this.deadline }), 'No tasks.')
  }
}
