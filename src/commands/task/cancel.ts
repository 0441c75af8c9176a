import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { taskColumns } from '../../lib/cli/tasks.js'

export default class TaskCancel extends AcsCommand<JsonRecord, typeof TaskCancel> {
  static override summary = 'Ask the cluster to cancel a task; shows what became of it.'
  static override description =
    'A task that is past the point of return goes on, and its status says so: acs task wait tells how it ends.'
  static override examples = ['<%= config.bin %> task cancel 6f7d5c2e-2a0f-4b56-8f0e-0c4f6f3f6a11']
  static override args = { task: nameArg('UUID of the task') }

  async run(): Promise<JsonRecord> {
    const prism = await this.prism()
    const { deadline } = this
    // An unknown one is told as that: the cluster says yes to any UUID (specification: a list of booleans).
    await prism.task(this.args.task, { deadline })
    await prism.cancelTask(this.args.task, { deadline })
    const task = await prism.task(this.args.task, { deadline })
    this.say(task.status === 'aborted' ? 'Cancelled.' : `The task is ${task.status}.`)
    return this.showOne(taskColumns, task)
  }
}
