import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { taskColumns } from '../../lib/cli/tasks.js'

export default class TaskWait extends AcsCommand<JsonRecord, typeof TaskWait> {
  static override summary = 'Wait for a task to end; fails when the task fails.'
  static override examples = ['<%= config.bin %> task wait 6f7d5c2e-2a0f-4b56-8f0e-0c4f6f3f6a11 --timeout 1h']
  static override args = { task: nameArg('UUID of the task') }
  static override flags = { timeout: timeoutFlag('10m') }

  async run(): Promise<JsonRecord> {
    const prism = await this.prism()
    const task = await prism.waitForTask(this.args.task, {
      deadline: this.deadline,
      onTask: this.onTask,
    })
    return this.showOne(taskColumns, task)
  }
}
