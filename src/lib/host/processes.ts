import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'

/** A process, told apart from a later one with the same pid by its start time (clock ticks since boot). */
export interface ProcessIdentity {
  pid: number
  startTime: string
}

/** Processes whose argv satisfies `matches`; those that end meanwhile are left out. */
export async function findProcesses(
  procRoot: string,
  matches: (argv: readonly string[]) => boolean,
): Promise<ProcessIdentity[]> {
  const found = await Promise.all(
    (await processIds(procRoot)).map(async (pid) => {
      const argv = await readArgv(procRoot, pid)
      if (argv.length === 0 || !matches(argv)) return []
      const startTime = await readStartTime(procRoot, pid)
      return startTime === undefined ? [] : [{ pid, startTime }]
    }),
  )
  return found.flat()
}

/** Whether this very process still runs (a zombie does not). */
export async function isRunning(procRoot: string, process: ProcessIdentity): Promise<boolean> {
  return (await readStartTime(procRoot, process.pid)) === process.startTime
}

/** Waits until the process is gone; `false` when the deadline comes first. */
export async function waitForEnd(procRoot: string, process: ProcessIdentity, deadline: Deadline): Promise<boolean> {
  for (let pauseMs = 5; await isRunning(procRoot, process); pauseMs = Math.min(pauseMs * 2, 100)) {
    if (deadline.remainingMs() === 0 || deadline.signal.aborted) return false
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return true
}

/** Sends a signal, but only to this very process. Gone already is fine. */
export async function signalProcess(procRoot: string, target: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  if (!(await isRunning(procRoot, target))) return
  try {
    process.kill(target.pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}

export async function processIds(procRoot: string): Promise<number[]> {
  return (await readdir(procRoot)).filter((name) => /^\d+$/.test(name)).map(Number)
}

/** Command line for people: argv joined, or the kernel's short name in brackets. */
export async function commandOf(procRoot: string, pid: number): Promise<string> {
  const argv = await readArgv(procRoot, pid)
  if (argv.length > 0) return argv.join(' ').slice(0, 120)
  return `[${(await readProcFile(join(procRoot, String(pid), 'comm')))?.trim() ?? 'gone'}]`
}

export async function readArgv(procRoot: string, pid: number): Promise<string[]> {
  const text = await readProcFile(join(procRoot, String(pid), 'cmdline'))
  return text === undefined || text === '' ? [] : text.replace(/\0$/, '').split('\0')
}

/** Text of a file below /proc, or `undefined` when its process is gone or hidden. */
export async function readProcFile(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

/** Target of a link below /proc, or `undefined` when its process is gone or hidden. */
export async function readProcLink(path: string): Promise<string | undefined> {
  return readlink(path).catch(() => undefined)
}

async function readStartTime(procRoot: string, pid: number): Promise<string | undefined> {
  const text = await readProcFile(join(procRoot, String(pid), 'stat'))
  return text === undefined ? undefined : parseStartTime(text)
}

/** Field 22 of /proc/PID/stat, proc_pid_stat(5); `undefined` for a zombie. The name in brackets may hold anything. */
export function parseStartTime(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  return state === 'Z' || state === 'X' ? undefined : fields[19]
}
