import { randomBytes } from 'node:crypto'
import { deadlineIn, type Deadline } from '../../base/deadline.js'
import { AcsError, isAcsError } from '../../base/errors.js'
import { hideSecret } from '../../base/redact.js'
import { Complaint, Skipped, type Check, type CheckResult } from './check.js'
import { createClient, type PluginClient } from './client.js'
import { createContext, defaultTiming, type CheckContext, type Timing } from './context.js'
import { evidenceOf } from './evidence.js'
import { fieldOf, documentOf, succeeded, type Exchange } from './exchange.js'
import { cleanUp, cleanUpAtLast, createLedger, type Ledger } from './ledger.js'
import { dialects, type Dialect } from './request-bytes.js'
import { expectSocket } from './socket.js'

export interface CheckRunOptions {
  socketPath: string
  /** Chosen from all, in their order. */
  checks: readonly Check[]
  deadline: Deadline
  /** Beginning of the names of volumes. */
  prefix: string
  /** Options without which the plugin creates no volume. */
  createOptions: Readonly<Record<string, string>>
  /** Whether to mount. */
  mounts: boolean
  /** Whether to look into what is mounted. */
  looks: boolean
  /** Restarts the plugin; returns once that has begun. */
  restart?: (deadline: Deadline) => Promise<void>
  /** Told of each result at once. */
  onResult?: (result: CheckResult) => void
  timing?: Partial<Timing>
  /** Longest waits for an answer instead of Docker's, for tests in a hurry. */
  limitsMs?: { long: number; short: number }
}

/** All that is known at the end. */
export interface CheckReport {
  socket: string
  /** Beginning of the names of this run's volumes. */
  prefix: string
  /** Whose words the plugin understood; checks that are not about words used them. */
  spokenAs: Dialect['id']
  startedAt: string
  ms: number
  summary: Summary
  results: readonly CheckResult[]
  /** The slowest call of each kind, cleaning up included. */
  timings: readonly { call: string; count: number; slowestMs: number }[]
  /** Volumes that could not be removed. */
  leftBehind: readonly string[]
}

export interface Summary {
  pass: number
  fail: number
  warn: number
  skip: number
}

/** For unmounting and removing after one check, and after all of them whatever has happened. */
const cleanUpMs = 90_000
const knownCall = /^(Plugin\.Activate|VolumeDriver\.(Create|Get|List|Path|Mount|Unmount|Remove|Capabilities))$/
const secretOption = /passw|secret|token|key|chap/i

/**
 * Runs checks one after the other against a plugin's socket and removes what they made, also after Ctrl-C.
 * Throws EACSPLUGINUNREACHABLE when nothing answers there at all, EACSTIMEOUT and EACSINTERRUPTED with the results so far
 * in `details`. What a plugin does wrong is in the report.
 */
export async function runChecks(options: CheckRunOptions): Promise<CheckReport> {
  const { deadline, socketPath } = options
  for (const [key, value] of Object.entries(options.createOptions)) if (secretOption.test(key)) hideSecret(value)
  await expectSocket(socketPath, deadline)
  const run = createRun(options)
  const startedAt = new Date()
  const begin = performance.now()
  try {
    run.client.dialect = await understoodDialect(run)
    for (const check of options.checks) await runOne(run, check)
  } catch (error) {
    throw withResults(error, run, await leaveNothing(run))
  }
  const leftBehind = await leaveNothing(run)
  return {
    socket: socketPath,
    prefix: run.prefix,
    spokenAs: run.client.dialect.id,
    startedAt: startedAt.toISOString(),
    ms: Math.round(performance.now() - begin),
    summary: summaryOf(run.results),
    results: run.results,
    timings: [...run.timings].map(([call, timing]) => ({ call, ...timing })),
    leftBehind,
  }
}

interface Run {
  options: CheckRunOptions
  client: PluginClient
  context: CheckContext
  ledger: Ledger
  prefix: string
  timings: Map<string, { count: number; slowestMs: number }>
  /** Of the running check. */
  exchanges: Exchange[]
  results: CheckResult[]
  /** The check after which the plugin did not come back. */
  deadSince?: string
}

function createRun(options: CheckRunOptions): Run {
  const { deadline, createOptions } = options
  const ledger = createLedger()
  const timings: Run['timings'] = new Map()
  const exchanges: Exchange[] = []
  const client = createClient({
    socketPath: options.socketPath,
    deadline,
    createOptions,
    ...(options.limitsMs ? { limitsMs: options.limitsMs } : {}),
    onMount: (name, id) => ledger.addMount(name, id),
    onExchange(exchange) {
      exchanges.push(exchange)
      keepTime(timings, exchange)
      // What was not answered may still happen.
      if (exchange.lost && exchange.call.endsWith('.Create')) ledger.suspect(nameIn(exchange))
    },
  })
  const prefix = `${options.prefix}-${randomBytes(3).toString('hex')}`
  const context = createContext({
    client,
    ledger,
    deadline,
    timing: { ...defaultTiming, ...options.timing },
    timings,
    mounts: options.mounts,
    looks: options.mounts && options.looks,
    createOptions,
    prefix,
    ...(options.restart ? { restart: options.restart } : {}),
  })
  return { options, client, context, ledger, prefix, timings, exchanges, results: [] }
}

async function runOne(run: Run, check: Check): Promise<void> {
  const { options, exchanges } = run
  options.deadline.check(`running ${check.id}`)
  exchanges.length = 0
  const startedAt = performance.now()
  const lacking = whySkipped(run, check)
  const found = lacking === undefined ? await outcome(check, run) : skipped(lacking)
  const ms = Math.round(performance.now() - startedAt)
  const evidence = evidenceOf(exchanges, found.decisive)
  if (exchanges.some(({ lost }) => lost) && !(await isBack(run))) {
    run.deadSince = check.id
    found.status = check.severity === 'must' ? 'fail' : 'warn'
    found.message = `${found.message ?? 'it passed'}; the plugin does not answer any more`
  }
  const { id, title, severity, why, source } = check
  const { status, message } = found
  const result = { id, title, severity, status, ...(message ? { message } : {}), why, source, ms, evidence }
  run.results.push(result)
  options.onResult?.(result)
  if (run.deadSince === undefined) await withCleaner(run, options.deadline, (cleaner) => cleanUp(run.ledger, cleaner))
}

interface Outcome {
  status: CheckResult['status']
  message?: string | undefined
  decisive?: Exchange | undefined
}

async function outcome(check: Check, { client, context, exchanges }: Run): Promise<Outcome> {
  try {
    const remark = await check.run(client, context)
    return { status: 'pass', message: typeof remark === 'string' ? remark : undefined }
  } catch (error) {
    if (error instanceof Skipped) return skipped(error.message)
    if (!(error instanceof Complaint)) throw error
    const status = check.severity === 'must' && !error.mild ? 'fail' : 'warn'
    return { status, message: error.message, decisive: error.exchange ?? exchanges.at(-1) }
  }
}

function skipped(message: string): Outcome {
  return { status: 'skip', message }
}

function whySkipped({ options, results, deadSince }: Run, check: Check): string | undefined {
  if (deadSince !== undefined) return `the plugin has not answered since ${deadSince}`
  const { uses = [], needs = [] } = check
  if (uses.includes('mount') && !options.mounts) return 'mounts, and --no-mount forbids it'
  if (uses.includes('folder') && !options.looks)
    return 'looks into the mounted folder, and --remote says it is not here'
  if (uses.includes('restart') && !options.restart) return 'needs --restart COMMAND'
  // What was not chosen to run is taken to hold.
  const missing = results.find(({ id, status }) => needs.includes(id) && status !== 'pass')
  if (!missing) return undefined
  return `needs ${missing.id}, which ${missing.status === 'skip' ? 'was skipped' : 'failed'}`
}

/**
 * The words that the plugin understands: a volume created in them can be found. So a plugin that is choosy about
 * headers fails the checks of headers, and not all.
 */
async function understoodDialect({ client, context }: Run): Promise<Dialect> {
  let answers: Dialect | undefined
  for (const dialect of dialects) {
    client.dialect = dialect
    if (!succeeded(await client.activate())) continue
    answers ??= dialect
    const name = context.newName()
    const created = await client.create(name)
    if (created.lost?.kind === 'timeout') return dialect
    if (succeeded(created) && fieldOf(documentOf(await client.get(name)), 'Volume')) return dialect
  }
  return answers ?? dialects[0] ?? client.dialect
}

/** Whether the plugin answers again: whoever looks after it may be starting it anew. */
async function isBack({ client, context: { timing, deadline } }: Run): Promise<boolean> {
  const endsAt = performance.now() + timing.returnMs
  for (;;) {
    const open = await client.open()
    open?.wire.close()
    if (open && (await client.activate()).status !== null) return true
    if (performance.now() > endsAt) return false
    await deadline.sleep(100, 'waiting for the plugin to answer again')
  }
}

/** The last clean-up, with time of its own: it is also for a run that was interrupted. Returns what remains. */
async function leaveNothing(run: Run): Promise<string[]> {
  // A dead socket would be asked for every volume in vain.
  const back = await expectSocket(run.options.socketPath, deadlineIn(5_000)).then(
    () => true,
    () => false,
  )
  const { ledger, context } = run
  const deadline = deadlineIn(cleanUpMs)
  if (back)
    await withCleaner(run, deadline, (cleaner) => cleanUpAtLast(ledger, cleaner, deadline, context.timing.pausesMs))
  return run.ledger.names()
}

/** A client whose calls are no evidence and have a limit together; what there is no time for is left in the ledger. */
async function withCleaner(
  run: Run,
  deadline: Deadline,
  work: (cleaner: PluginClient) => Promise<void>,
): Promise<void> {
  const { socketPath, createOptions, limitsMs } = run.options
  const cleaner = createClient({
    socketPath,
    createOptions,
    ...(limitsMs ? { limitsMs } : {}),
    deadline: deadline.atMost(cleanUpMs),
    onMount: () => undefined,
    onExchange: (exchange) => keepTime(run.timings, exchange),
  })
  cleaner.dialect = run.client.dialect
  try {
    await work(cleaner)
  } catch (error) {
    if (!isAcsError(error, 'EACSTIMEOUT')) throw error
  }
}

function keepTime(timings: Run['timings'], { call, ms, lost }: Exchange): void {
  if (lost?.kind === 'refused' || !knownCall.test(call)) return
  const { count, slowestMs } = timings.get(call) ?? { count: 0, slowestMs: 0 }
  timings.set(call, { count: count + 1, slowestMs: Math.max(slowestMs, ms) })
}

function nameIn(exchange: Exchange): string | undefined {
  const name = fieldOf(documentOf({ body: exchange.request }), 'Name')
  return typeof name === 'string' ? name : undefined
}

function summaryOf(results: readonly CheckResult[]): Summary {
  const summary = { pass: 0, fail: 0, warn: 0, skip: 0 }
  for (const { status } of results) summary[status] += 1
  return summary
}

/** What ended the run, with what had been found by then. */
function withResults(error: unknown, run: Run, leftBehind: readonly string[]): unknown {
  if (!(error instanceof AcsError)) return error
  const { kind, code, message, cause } = error
  const hints = leftBehind.length > 0 ? [`Left behind in the plugin: ${leftBehind.join(', ')}`] : []
  return new AcsError(kind, code, message, {
    cause,
    hints: [...error.hints, ...hints],
    details: { ...error.details, results: run.results, leftBehind },
  })
}
