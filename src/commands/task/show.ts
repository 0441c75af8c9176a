import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { taskColumns } from '../../lib/cli/tasks.js'

export default class TaskShow extends AcsCommand<JsonRecord, typeof TaskShow> {
  static override summary = 'Show a task.'
  static override examples = ['<%= config.bin %> task show 6f7d5c2e-2a0f-4b56-8f0e-0c4f6f3f6a11']
  static override args = { task: nameArg('UUID of the task') }

  async run(): Promise<JsonRecord> {
    const prism = await this.prism()
    return this.showOne(taskColumns, await prism.task(this.args.task, { deadline: this.deadline }))
  }
}
