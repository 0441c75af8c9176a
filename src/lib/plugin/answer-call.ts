import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { deadlineIn } from '../base/deadline.js'
import { AcsError } from '../base/errors.js'
import type { Budgets } from './budgets.js'
import type { Connections } from './connections.js'
import { CannotTell, type Call, type PluginLog } from './driver.js'
import type { DriverDoor } from './driver-door.js'
import { asAcsError, errorText, failureOf } from './error-text.js'
import { isFailure, type CallOutcome, type PluginMetrics } from './plugin-metrics.js'
import type { PreparedCall } from './plugin-call.js'
import { readBody } from './request-body.js'
import { respond } from './respond.js'
import type { Route } from './routes.js'
import type { CallAtWork, PluginStatus } from './status/schema.js'
import type { Undos } from './undo.js'

/** What all calls of a server share. */
export interface CallRoom {
  door: DriverDoor
  connections: Connections
  undos: Undos
  log: PluginLog
  metrics: Pick<PluginMetrics, 'callEnded' | 'stepEnded'>
  budgets: Budgets
  /** Work that is not over: calls, and what is undone for those who hung up. */
  work: Set<Work>
  /** Told of every call that fails, but for those that ask for a volume that is not there. */
  failed(failure: FailedCall): void
  isStopping: () => boolean
}

export interface Work {
  cancel(reason: Error): void
  over: Promise<void>
  describe(): CallAtWork
}

export type FailedCall = NonNullable<PluginStatus['lastFailure']>

type Ending = { text: string | Buffer } | { error: unknown }

/** Answers one call, whatever happens. Never rejects. */
export async function answerCall(
  request: IncomingMessage,
  response: ServerResponse,
  route: Route,
  room: CallRoom,
): Promise<void> {
  const { socket } = request
  const { budgets, connections } = room
  const startedAt = performance.now()
  const requestId = randomBytes(4).toString('hex')
  const log = room.log.child({ requestId, call: route.call })
  const endRequest = connections.request(socket)
  let about: PreparedCall['about']
  let ending: Ending
  let settle: (delivered: boolean) => void = () => undefined
  try {
    const prepare = await route.load()
    const body = await readBody(request, budgets.bodyBytes)
    if (body.kind === 'aborted') throw hungUp()
    const prepared = prepare(body)
    about = prepared.about
    const begun = begin(prepared, { route, room, log, requestId, startedAt, request })
    settle = begun.settle
    ending = await begun.ending
  } catch (error) {
    ending = { error }
  }
  const outcome = await tell(ending)
  settle(outcome === 'ok')
  endRequest()
  const ms = performance.now() - startedAt
  room.metrics.callEnded(route.call, outcome, ms / 1000)
  logEnd(log, route, { ...about, outcome, ms: Math.round(ms) }, ending)
  if ('error' in ending && isFailure(outcome))
    room.failed({ ...failureOf(ending.error), call: route.call, volume: about?.volume ?? null })

  async function tell(end: Ending): Promise<CallOutcome> {
    if ('text' in end) return (await send(200, end.text)) ? 'ok' : 'gone'
    if (socket.destroyed) return 'gone'
    if (!route.tells(end.error)) {
      socket.destroy()
      return 'dropped'
    }
    const error = asAcsError(end.error)
    if (!(await send(500, JSON.stringify({ Err: errorText(error, requestId) })))) return 'gone'
    if (error.code === 'EACSNOTFOUND') return 'not-found'
    return error.kind === 'timeout' || error.kind === 'bug' ? error.kind : 'error'
  }

  function send(status: number, text: string | Buffer): Promise<boolean> {
    return respond({ connections, socket, response, status, text, last: room.isStopping(), limitMs: budgets.answerMs })
  }
}

interface Begin {
  route: Route
  room: CallRoom
  log: PluginLog
  requestId: string
  startedAt: number
  request: IncomingMessage
}

/**
 * Sets a call to work. `ending` is there in time for dockerd, even when the driver is not; the work then goes on.
 * `settle` must be told whether the client got the answer: what it does not know of is taken back.
 */
function begin(
  prepared: PreparedCall,
  { route, room, log, requestId, startedAt, request }: Begin,
): { ending: Promise<Ending>; settle: (delivered: boolean) => void } {
  const { budgets, connections, door, metrics, undos } = room
  const budgetMs = route.patience === 'long' ? budgets.longCallMs : budgets.shortCallMs
  const leftMs = budgetMs - (performance.now() - startedAt)
  const given = new AbortController()
  const since = new Date().toISOString()
  const steps: string[] = []
  const endCall = connections.call(request.socket, () => {
    if (prepared.finishes !== true) given.abort(hungUp())
  })
  const call: Call = {
    requestId,
    deadline: deadlineIn(leftMs, given.signal),
    log: prepared.about ? log.child(prepared.about) : log,
    step: (name, work) => measure(name, work),
  }
  const worked = work()
  let settle: (delivered: boolean) => void = () => undefined
  const delivered = new Promise<boolean>((resolve) => (settle = resolve))
  const over = finish().catch((error: unknown) => call.log.error({ err: error }, 'a call could not be undone'))
  const entry: Work = {
    cancel: (reason) => given.abort(reason),
    over,
    describe: () => ({
      call: route.call,
      requestId,
      volume: prepared.about?.volume ?? null,
      since,
      step: steps.at(-1) ?? null,
    }),
  }
  room.work.add(entry)
  void over.finally(() => {
    room.work.delete(entry)
    // Ends the timers of its deadlines, which would keep the call in memory for as long as it might have taken.
    given.abort(callOver)
  })
  return { ending: inTime(), settle }

  interface Worked {
    ending: Ending
    end?: Awaited<ReturnType<Undos['begin']>>
  }

  async function work(): Promise<Worked> {
    let end: Worked['end']
    try {
      if (prepared.undo) end = await undos.begin(prepared.undo.key, call.deadline)
      return { ending: { text: await prepared.run(door, call) }, end }
    } catch (error) {
      return { ending: { error }, end }
    } finally {
      endCall()
    }
  }

  async function inTime(): Promise<Ending> {
    let timer: NodeJS.Timeout | undefined
    const overdue = new Promise<Ending>((resolve) => {
      timer = setTimeout(() => {
        log.error({ ...prepared.about }, 'the call did not end at its deadline; this is a bug in acs')
        resolve({ error: overdueError(route.call) })
      }, leftMs + budgets.graceMs)
    })
    const ending = await Promise.race([worked.then((done) => done.ending), overdue])
    clearTimeout(timer)
    return ending
  }

  async function finish(): Promise<void> {
    const [{ ending, end }, told] = await Promise.all([worked, delivered])
    const { undo } = prepared
    if (!end || !undo) return
    const fate = 'error' in ending ? 'failed' : told ? 'kept' : 'lost'
    await end(fate, async () => {
      call.log.info({}, 'nobody waits for the answer any more: undone')
      await undo.run(door, { ...call, deadline: deadlineIn(budgets.shortCallMs) })
    })
  }

  async function measure<T>(step: string, stepWork: () => Promise<T>): Promise<T> {
    const begunAt = performance.now()
    let result: 'ok' | 'error' = 'error'
    steps.push(step)
    try {
      const value = await stepWork()
      result = 'ok'
      return value
    } finally {
      const ms = performance.now() - begunAt
      steps.splice(steps.lastIndexOf(step), 1)
      metrics.stepEnded(route.call, step, result, ms / 1000)
      call.log.debug({ step, result, ms: Math.round(ms) }, 'step')
    }
  }
}

const callOver = new AcsError('interrupted', 'EACSINTERRUPTED', 'the call is over')

function hungUp(): AcsError {
  return new AcsError('interrupted', 'EACSINTERRUPTED', 'the client hung up')
}

function overdueError(call: string): AcsError {
  return new AcsError('timeout', 'EACSTIMEOUT', `${call} takes too long, and is taken back when it ends`, {
    hints: ['Look into the log of the plugin'],
  })
}

function logEnd(log: PluginLog, route: Route, fields: Readonly<Record<string, unknown>>, ending: Ending): void {
  if ('text' in ending) {
    if (fields.outcome === 'gone') log.warn(fields, 'answered, but the client was gone')
    else if (route.reads) log.debug(fields, 'answered')
    else log.info(fields, 'done')
    return
  }
  const { error } = ending
  const known = error instanceof CannotTell ? undefined : asAcsError(error)
  const told = { ...fields, code: known?.code ?? 'CannotTell', err: error }
  if (known?.kind === 'bug') log.error(told, 'failed; this is a bug in acs')
  else if (known?.code === 'EACSNOTFOUND') log.debug(told, 'there is no such volume')
  else log.warn(told, known ? 'failed' : 'no answer: whether the volume exists cannot be told')
}
