import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deadline } from '../base/deadline.js'
import { ensureFolder } from '../base/durable-file.js'
import { AcsError, isAcsError, messageOf, type ErrorKind } from '../base/errors.js'
import { logFileName } from './data-folder.js'
import { claimFree, readRunning, type RunningSimulator } from './folder-claim.js'
import { isAlive } from './process-identity.js'
import type { Simulator, SimulatorOptions } from './simulator.js'

/** The descriptor on which a daemon tells its parent how its start went. */
const readyDescriptor = 3
const readyVariable = 'ACS_SIM_READY'

export interface DaemonStart {
  dataFolder: string
  /** Words after `acs`: `sim start --data DIR ...`, without --detach. */
  argv: readonly string[]
  /** bin/run.js. */
  program: string
}

/**
 * Starts the simulator as a daemon and returns once it answers. Throws what the daemon threw while
 * starting, EACSSIMRUNNING (conflict), or EACSSIMSTART with the end of its log.
 */
export async function startDetached(start: DaemonStart, deadline: Deadline): Promise<RunningSimulator> {
  await ensureFolder(start.dataFolder)
  await claimFree(start.dataFolder)
  const logFile = join(start.dataFolder, logFileName)
  const log = await open(logFile, 'a', 0o600)
  const child = spawn(process.execPath, [start.program, ...start.argv], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log.fd, log.fd, 'pipe'],
    env: { ...withoutPasswords(process.env), [readyVariable]: String(readyDescriptor) },
  })
  await log.close()
  let said = ''
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      said ||= JSON.stringify({ error: { kind: 'failed', code: 'EACSSIMSTART', message: error.message, hints: [] } })
      resolve()
    })
    child.stdio[readyDescriptor]?.on('data', (part: Buffer) => (said += part.toString('utf8')))
    child.stdio[readyDescriptor]?.on('end', resolve)
  })
  await Promise.race([ended, deadline.sleep(deadline.remainingMs(), 'waiting for the simulator to answer')]).catch(
    (error: unknown) => {
      child.kill('SIGTERM')
      throw error
    },
  )
  child.unref()
  const failure = readFailure(said)
  if (failure) throw failure
  const running = await readRunning(start.dataFolder)
  if (running?.endpoint === undefined) throw await notStarted(logFile)
  return running
}

/** Runs the simulator in this process until `stop` aborts; tells a waiting parent. Logs JSON lines into the data folder. */
export async function runSimulator(
  options: SimulatorOptions,
  stop: AbortSignal,
  onReady: (simulator: Simulator) => void,
): Promise<void> {
  const tell = parentChannel()
  try {
    await ensureFolder(options.dataFolder)
    const { pino } = await import('pino')
    const destination = pino.destination({ dest: join(options.dataFolder, logFileName), sync: true, mode: 0o600 })
    const log = pino({ name: 'acs-sim', redact: ['password', 'secret', '*.password', '*.secret'] }, destination)
    const { startSimulator } = await import('./start.js')
    const simulator = await startSimulator({ ...options, log })
    log.info({ endpoint: simulator.endpoint, dataServices: simulator.dataServices }, 'the simulator answers')
    // A person watches only where no parent waits.
    if (!tell({ ready: true })) onReady(simulator)
    await aborted(stop)
    log.info({}, 'stopping')
    await simulator.close()
    log.info({}, 'stopped')
  } catch (error) {
    const { kind, code, hints } = isAcsError(error) ? error : { kind: 'failed', code: 'EACSSIMSTART', hints: [] }
    tell({ error: { kind, code, message: messageOf(error), hints } })
    throw error
  }
}

/** Ends the simulator of that folder and waits until it is gone; `undefined` when none ran. */
export async function stopDaemon(dataFolder: string, deadline: Deadline): Promise<RunningSimulator | undefined> {
  const running = await readRunning(dataFolder)
  if (!running) return undefined
  // The identity was checked a moment ago: boot, number and start time are those of our simulator.
  process.kill(running.pid, 'SIGTERM')
  while (await isAlive(running)) await deadline.sleep(50, `waiting for the simulator (process ${running.pid}) to stop`)
  return running
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** A daemon lives long, and its environment can be read: passwords meant for one command stay out of it. */
function withoutPasswords(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/PASSWORD$/i.test(name)))
}

/** Tells a waiting parent; `false` when there is none. */
function parentChannel(): (message: object) => boolean {
  if (process.env[readyVariable] !== String(readyDescriptor)) return () => false
  // Children of ours must not think they have such a parent.
  Reflect.deleteProperty(process.env, readyVariable)
  const channel = createWriteStream('', { fd: readyDescriptor })
  channel.on('error', () => undefined)
  return (message) => {
    channel.end(JSON.stringify(message))
    return true
  }
}

function readFailure(said: string): AcsError | undefined {
  if (said === '') return undefined
  const message: unknown = JSON.parse(said)
  if (typeof message !== 'object' || message === null || !('error' in message)) return undefined
  // Written by runSimulator of the same version of this program.
  const {
    kind,
    code,
    message: text,
    hints,
  } = message.error as { kind: ErrorKind; code: string; message: string; hints: string[] }
  return new AcsError(kind, code, text, { hints })
}

async function notStarted(logFile: string): Promise<AcsError> {
  const log = await readFile(logFile, 'utf8').catch(() => '')
  return new AcsError('failed', 'EACSSIMSTART', 'the simulator ended before it answered', {
    hints: [`Its log: ${logFile}`],
    details: { log: log.slice(-2000) },
  })
}
