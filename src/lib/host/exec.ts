import { AcsError, errorCode, isAcsError } from '../base/errors.js'
import { longestTimerMs, type Deadline } from '../base/deadline.js'
import { redactText } from '../base/redact.js'
import { packageOf } from './packages.js'
import type { RunOptions, RunResult, Runner } from './host.js'

/** What host code tells a log; pino's shape. */
export interface HostLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
}

export interface RunnerOptions {
  log?: HostLog
  /** Search path instead of the process's PATH with the sbin folders behind it. */
  path?: string
}

const defaultTimeoutMs = 30_000
const killAfterMs = 2_000
/** A process that survives SIGKILL so long sits in the kernel (state D); waiting longer would hang acs with it. */
const abandonAfterMs = 1_000
const outputLimitBytes = 8 * 1024 ** 2
const sbinFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin']

/**
 * The real `Runner`: execa, no shell, C locale, a process group per command that is ended as a whole.
 * Children get a bare environment, so that ACS_PASSWORD does not show in theirs, and `/` as their
 * folder, so that none of them keeps a mount busy.
 */
export function createRunner(options: RunnerOptions = {}): Runner {
  return {
    async run(command, args, runOptions) {
      const startedAt = performance.now()
      try {
        const result = await runOnce(command, args, runOptions, options.path ?? searchPath())
        options.log?.debug(
          { command, args: args.map(redactText), exitCode: result.exitCode, ms: since(startedAt) },
          'command ended',
        )
        return result
      } catch (error) {
        options.log?.debug(
          {
            command,
            args: args.map(redactText),
            ms: since(startedAt),
            error: isAcsError(error) ? error.code : redactText(String(error)),
          },
          'command failed',
        )
        throw error
      }
    },
  }
}

/** PATH with the folders of administration tools, which a user's or a service's PATH often lacks. */
export function searchPath(): string {
  const folders = (process.env.PATH ?? '').split(':').filter((folder) => folder !== '')
  return [...new Set([...folders, ...sbinFolders])].join(':')
}

/** A group of its own that we end, nothing of our environment, no folder of ours; failures are looked at, not thrown. */
const apart = { reject: false, detached: true, cleanup: false, cwd: '/', extendEnv: false } as const

async function runOnce(
  command: string,
  args: readonly string[],
  options: RunOptions,
  path: string,
): Promise<RunResult> {
  options.deadline.check(`starting ${command}`)
  const { execa } = await import('execa')
  const limitMs = options.deadline.atMost(options.timeoutMs ?? defaultTimeoutMs).remainingMs()
  const child = execa(command, args, {
    ...apart,
    env: { ...baseEnvironment(path), ...options.env },
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    stripFinalNewline: false,
    maxBuffer: outputLimitBytes,
  })
  const guard = endGroupAt(options.deadline, limitMs, child.pid)
  try {
    const outcome = await Promise.race([child, guard.abandoned])
    if (outcome === undefined) {
      child.stdout.destroy()
      child.stderr.destroy()
      child.unref()
    }
    if (guard.fired()) throw stopped(command, options)
    if (outcome === undefined) throw new AcsError('bug', 'EACSBUG', `${command} was abandoned before its time`)
    if (outcome.code === 'ENOENT' || outcome.code === 'EACCES') throw toolMissing(command, outcome.code)
    if (outcome.isMaxBuffer) throw failed(command, args, 'printed more than 8 MiB', '')
    if (outcome.exitCode === undefined)
      throw failed(
        command,
        args,
        outcome.signal === undefined ? (outcome.originalMessage ?? 'did not start') : `was ended by ${outcome.signal}`,
        outcome.stderr,
      )
    const result = { exitCode: outcome.exitCode, stdout: outcome.stdout, stderr: outcome.stderr }
    if (!(options.okExitCodes ?? [0]).includes(result.exitCode))
      throw failed(
        command,
        args,
        `exited with ${result.exitCode}`,
        result.stderr === '' ? result.stdout : result.stderr,
        result.exitCode,
      )
    return result
  } finally {
    guard.cancel()
  }
}

/**
 * Ends the whole group when the deadline passes or is cancelled: TERM, KILL after 2 s, and then no more waiting. By a timer of
 * its own and not by the signal of a shorter deadline, which would be in memory until its time is up, long after the command.
 */
function endGroupAt(deadline: Deadline, limitMs: number, pid: number | undefined) {
  let fired = false
  let abandon: (nothing: undefined) => void = () => undefined
  const abandoned = new Promise<undefined>((resolve) => (abandon = resolve))
  const onAbort = (): void => {
    if (fired) return
    fired = true
    clearTimeout(timer)
    signalGroup(pid, 'SIGTERM')
    timer = setTimeout(() => {
      signalGroup(pid, 'SIGKILL')
      timer = setTimeout(() => {
        abandon(undefined)
      }, abandonAfterMs)
    }, killAfterMs)
  }
  // Keeps Node alive while only the command is awaited; the deadline's own does not.
  let timer = setTimeout(onAbort, Math.min(Math.ceil(limitMs), longestTimerMs))
  if (deadline.signal.aborted) onAbort()
  else deadline.signal.addEventListener('abort', onAbort, { once: true })
  return {
    abandoned,
    fired: () => fired,
    cancel: () => {
      clearTimeout(timer)
      deadline.signal.removeEventListener('abort', onAbort)
      // Grandchildren of an ended command must not outlive its time either.
      if (fired) signalGroup(pid, 'SIGKILL')
    },
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!isNoSuchProcess(error)) throw error
  }
}

function isNoSuchProcess(error: unknown): boolean {
  return errorCode(error) === 'ESRCH'
}

function stopped(command: string, options: RunOptions): AcsError {
  try {
    options.deadline.check(`running ${command}`)
  } catch (error) {
    if (error instanceof AcsError) return error
    throw error
  }
  return new AcsError(
    'timeout',
    'EACSTIMEOUT',
    `${command} did not finish in ${(options.timeoutMs ?? defaultTimeoutMs) / 1000} s and was ended`,
    { details: { command } },
  )
}

function toolMissing(command: string, code: string): AcsError {
  const name = packageOf(command)
  return new AcsError(
    'precondition',
    'EACSTOOLMISSING',
    code === 'ENOENT' ? `${command} is not installed` : `${command} may not be executed`,
    {
      hints: name === undefined ? [`Install ${command}`] : [`apt-get install ${name}`],
      details: { tool: command, package: name },
    },
  )
}

function failed(command: string, args: readonly string[], how: string, output: string, exitCode?: number): AcsError {
  const evidence = redactText(output.trim().split('\n').slice(-8).join('\n').slice(-2_000))
  return new AcsError(
    'failed',
    'EACSCOMMAND',
    `${[command, ...args.slice(0, 12)].map(redactText).join(' ')} ${how}${evidence === '' ? '' : `: ${evidence}`}`,
    { details: { command, exitCode, stderr: evidence } },
  )
}

/** Exit code of a command that failed with EACSCOMMAND; `undefined` for any other error. */
export function exitCodeOf(error: unknown): number | undefined {
  if (!isAcsError(error, 'EACSCOMMAND')) return undefined
  const { exitCode } = error.details
  return typeof exitCode === 'number' ? exitCode : undefined
}

function baseEnvironment(path: string): Record<string, string> {
  const kept = ['HOME', 'TMPDIR', 'USER'].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(kept), PATH: path, LC_ALL: 'C' }
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}

/** A process that holds something for as long as it lives, and dies with this one. */
export interface HoldingProcess {
  /** Closes its stdin and waits for its end. */
  release(): Promise<void>
}

/**
 * Starts a command and waits until it echoes a line from its stdin (`flock FILE cat`): then it holds
 * what it was started for. Its stdin is a pipe of ours: when acs dies in any way, the pipe closes and it ends.
 */
export async function startHolding(
  command: string,
  args: readonly string[],
  deadline: Deadline,
): Promise<HoldingProcess | undefined> {
  const { execa } = await import('execa')
  const child = execa(command, args, {
    ...apart,
    env: baseEnvironment(searchPath()),
    stdin: 'pipe',
    buffer: false,
  })
  // A killed child closes the pipe under our write; its exit tells the story.
  child.stdin.on('error', () => undefined)
  child.stdin.write('held\n')
  const guard = endGroupAt(deadline, deadline.remainingMs(), child.pid)
  try {
    const held = await Promise.race([
      new Promise<true>((resolve) => child.stdout.once('data', () => resolve(true))),
      child.then((outcome) => outcome),
      guard.abandoned,
    ])
    if (held !== true) {
      if (held !== undefined && (held.code === 'ENOENT' || held.code === 'EACCES'))
        throw toolMissing(command, held.code)
      return undefined
    }
  } finally {
    guard.cancel()
  }
  return {
    async release() {
      child.stdin.end()
      await child
    },
  }
}
