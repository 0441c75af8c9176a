import { randomUUID } from 'node:crypto'
import { wake } from '../base/deadline.js'
import type { FaultBoard } from './faults.js'
import type { SimulatorBehaviour, SimulatorLog } from './simulator.js'
import type { Change, Job, TaskEntity, TaskRecord } from './store/records.js'
import type { Store } from './store/store.js'
import { errorCodes, WireError } from './wire-error.js'

/** What a job has prepared. `commit` runs at once with the end of the task, so both or neither are kept. */
export interface Prepared {
  /** Checks again, since the cluster may have moved on meanwhile; throws WireError to fail the task. */
  commit(): Change
  /** When the task ends otherwise than well. */
  undo?(): Promise<void>
  /** After the end, e.g. removing files nobody names any more. */
  after?(): Promise<void>
}

/** Finished tasks kept; the oldest go first. */
const keptTasks = 5000

/** The cluster's task engine: accepts jobs, lets them take their time, and ends each in one commit. */
export class Tasks {
  private readonly running = new Map<string, AbortController>()
  private readonly ends = new Set<Promise<void>>()
  private waiters: (() => void)[] = []
  private closed = false

  constructor(
    private readonly store: Store,
    private readonly behaviour: SimulatorBehaviour,
    private readonly faults: FaultBoard,
    private readonly log: SimulatorLog,
    /** The signal ends slow work when the task is cancelled or the simulator stops. */
    private readonly prepare: (job: Job, signal: AbortSignal) => Promise<Prepared>,
  ) {}

  start(operation: string, entities: readonly TaskEntity[], job: Job): TaskRecord {
    const task: TaskRecord = {
      uuid: randomUUID(),
      operation,
      status: 'Queued',
      percent: 0,
      createdUsecs: nowUsecs(),
      entities,
      job,
    }
    this.store.commit({ put: { tasks: [task] } })
    this.launch(task, job)
    return task
  }

  /** Starts again what a crash or a stop has cut short. */
  resume(): number {
    const open = [...this.store.tasks.values()].filter((task) => !isFinished(task))
    for (const task of open) if (task.job) this.launch(task, task.job)
    return open.length
  }

  /** As it is now: the percentage of a running task follows the clock. */
  find(uuid: string): TaskRecord | undefined {
    const task = this.store.tasks.get(uuid)
    if (task?.status !== 'Running' || task.startedUsecs === undefined) return task
    const elapsedMs = (nowUsecs() - task.startedUsecs) / 1000
    const percent = Math.floor((100 * elapsedMs) / Math.max(1, this.behaviour.taskDurationMs))
    return { ...task, percent: Math.min(99, percent) }
  }

  /** Newest first. */
  list(): TaskRecord[] {
    return [...this.store.tasks.keys()].reverse().flatMap((uuid) => this.find(uuid) ?? [])
  }

  jobsUnderWay(): Job[] {
    return [...this.running.keys()].flatMap((uuid) => this.store.tasks.get(uuid)?.job ?? [])
  }

  /** Returns whether the task could still be stopped. */
  cancel(uuid: string): boolean {
    const running = this.running.get(uuid)
    running?.abort()
    return running !== undefined
  }

  /** Resolves when one of the tasks has ended, at the latest after `timeoutMs`. Unknown tasks have ended. */
  async waitForAny(uuids: readonly string[], timeoutMs: number): Promise<void> {
    const endsAt = performance.now() + timeoutMs
    for (;;) {
      const left = endsAt - performance.now()
      if (left <= 0 || this.closed || uuids.length === 0 || uuids.some((uuid) => this.hasEnded(uuid))) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 0x7fff_ffff))
        this.waiters.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** Stops without ending the tasks: they go on at the next start. */
  async close(): Promise<void> {
    this.closed = true
    for (const abort of this.running.values()) abort.abort()
    this.wake()
    await Promise.all(this.ends)
  }

  private hasEnded(uuid: string): boolean {
    const task = this.store.tasks.get(uuid)
    return !task || isFinished(task)
  }

  private launch(task: TaskRecord, job: Job): void {
    const abort = new AbortController()
    this.running.set(task.uuid, abort)
    const end = this.run(task, job, abort).finally(() => {
      this.running.delete(task.uuid)
      this.ends.delete(end)
      this.wake()
    })
    this.ends.add(end)
  }

  private async run(queued: TaskRecord, job: Job, { signal }: AbortController): Promise<void> {
    // The answer to the request goes out first.
    await new Promise((resolve) => setImmediate(resolve))
    if (isAborted(signal)) {
      this.stopped(queued)
      return
    }
    const task: TaskRecord = { ...queued, status: 'Running', startedUsecs: nowUsecs() }
    this.store.commit({ put: { tasks: [task] } })
    const fault = this.faults.take('task-failure', task.operation)
    const percent = fault?.atPercent ?? (fault ? 50 : 100)
    const ms = (this.behaviour.taskDurationMs * percent) / 100
    if (ms > 0 && !signal.aborted) await wake(ms, signal)
    let prepared: Prepared | undefined
    try {
      if (fault) throw new WireError(500, fault.message ?? 'INTERNAL_ERROR: injected failure', errorCodes.injected)
      if (!isAborted(signal)) prepared = await this.prepare(job, signal)
      if (prepared && !isAborted(signal)) this.finish({ ...task, status: 'Succeeded', percent: 100 }, prepared.commit())
      else {
        await prepared?.undo?.()
        this.stopped(task)
        return
      }
    } catch (error) {
      await prepared?.undo?.()
      if (!prepared && isAborted(signal)) this.stopped(task)
      else this.failed({ ...task, percent }, error)
      return
    }
    await prepared.after?.().catch((error: unknown) => {
      this.log.warn({ task: task.uuid, error: String(error) }, 'cleaning up after a task failed')
    })
  }

  private failed(task: TaskRecord, error: unknown): void {
    const known = error instanceof WireError
    if (!known) this.log.error({ task: task.uuid, error: String(error) }, 'a task broke')
    this.finish({
      ...task,
      status: 'Failed',
      errorCode: known ? error.code : errorCodes.general,
      errorDetail: error instanceof Error ? error.message : String(error),
    })
  }

  private stopped(task: TaskRecord): void {
    if (this.closed) return
    this.finish({ ...task, status: 'Aborted', errorCode: errorCodes.aborted, errorDetail: 'Task was cancelled.' })
  }

  private finish(task: TaskRecord, effects: Change = {}): void {
    const { job, ...rest } = task
    const done: TaskRecord = { ...rest, completedUsecs: nowUsecs() }
    this.store.commit({
      put: { ...effects.put, tasks: [done] },
      remove: { ...effects.remove, tasks: this.overdue() },
    })
    this.log.info(
      { task: done.uuid, operation: done.operation, kind: job?.kind, status: done.status, detail: done.errorDetail },
      'task ended',
    )
    this.wake()
  }

  private overdue(): string[] {
    const surplus = this.store.tasks.size - keptTasks
    if (surplus <= 0) return []
    const old: string[] = []
    for (const task of this.store.tasks.values()) {
      if (old.length >= surplus) break
      if (isFinished(task)) old.push(task.uuid)
    }
    return old
  }

  private wake(): void {
    const { waiters } = this
    this.waiters = []
    for (const wake of waiters) wake()
  }
}

export function isFinished(task: TaskRecord): boolean {
  return task.status !== 'Queued' && task.status !== 'Running'
}

export function nowUsecs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000)
}

/** Asked anew each time: a cancel may come during any await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
