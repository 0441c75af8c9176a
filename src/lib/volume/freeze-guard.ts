import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'

/** A process that thaws a filesystem unless it is told that acs did. */
export interface FreezeGuardProcess {
  /** acs thawed the filesystem itself: the guard goes without touching it. */
  dismiss(): Promise<void>
}

export type FreezeGuard = (mountPoint: string, afterMs: number) => Promise<FreezeGuardProcess>

/**
 * Starts a small shell that outlives acs. It waits for one line on a pipe from acs; when the pipe closes (acs
 * died, however it died) or the time is up (acs hangs), it thaws. It has its own session, so that Ctrl-C in
 * the terminal does not reach it. Not through the host's runner: that one ends its children with acs.
 */
export const startFreezeGuard: FreezeGuard = async (mountPoint, afterMs) => {
  const script = 'answer=$(timeout "$2" head -n 1); [ "$answer" = thawed ] || fsfreeze --unfreeze "$1"'
  const seconds = Math.max(1, Math.ceil(afterMs / 1000)).toString()
  const child = spawn('/bin/sh', ['-c', script, 'acs-freeze-guard', mountPoint, seconds], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    // Neither acs's secrets nor its folder, which may be on the very filesystem.
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  })
  await once(child, 'spawn')
  // A guard that ended early closes the pipe; whether it did matters only at dismissal.
  child.stdin.on('error', () => undefined)
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
  return {
    async dismiss() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.ref()
      const ended = once(child, 'exit')
      child.stdin.end('thawed\n')
      await ended
    },
  }
}
