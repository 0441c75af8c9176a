import { readFile } from 'node:fs/promises'

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  pid: number
  /** Clock ticks from boot to the start of the process; proc(5), field 22 of stat. */
  startTicks: number
  bootId: string
}

export function ownIdentity(): Promise<ProcessIdentity> {
  return identityOf(process.pid)
}

/** Of a process that runs now. */
export async function identityOf(pid: number): Promise<ProcessIdentity> {
  return { pid, startTicks: (await startTicksOf(pid)) ?? 0, bootId: await bootId() }
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  if (identity.bootId !== (await bootId())) return false
  return (await startTicksOf(identity.pid)) === identity.startTicks
}

/** `undefined`: no such process, or one that has ended and waits for its parent. */
async function startTicksOf(pid: number): Promise<number | undefined> {
  let stat: string
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The command in parentheses may hold anything, parentheses too.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (state === 'Z' || state === 'X') return undefined
  return Number(fields[18])
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
}
