import { readdir, readFile, readlink } from 'node:fs/promises'

/** Resident memory of a process now, bytes: VmRSS of /proc/PID/status, proc_pid_status(5). */
export async function residentBytes(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await statusOf(pid))?.[1]) * 1024
}

export async function threadCount(pid: number): Promise<number> {
  return Number(/^Threads:\s+(\d+)$/m.exec(await statusOf(pid))?.[1])
}

/** What the process has open, a line for each descriptor: paths, and `socket`, `pipe` and the like without their numbers. Sorted. */
export async function openFiles(pid: number): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`)
  const targets = await Promise.all(
    // One may be closed between the two looks.
    descriptors.map((descriptor) => readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => undefined)),
  )
  return targets
    .filter((target) => target !== undefined)
    .map((target) => target.replace(/^(socket|pipe):\[\d+\]$/, '$1'))
    .sort()
}

/** Children of the process, the dead that it has not buried too. */
export async function childPids(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`)
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  return lists.flatMap((list) => list.split(' ').filter((word) => word !== '')).map(Number)
}

/** What is in the first list more often than in the second. */
export function surplus(now: readonly string[], before: readonly string[]): string[] {
  const left = [...before]
  return now.filter((each) => {
    const at = left.indexOf(each)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

function statusOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/status`, 'utf8')
}
