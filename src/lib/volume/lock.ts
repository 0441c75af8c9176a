import { createHash } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import { AcsError } from '../base/errors.js'
import { announceStep, type VolumeContext } from './context.js'

/**
 * Runs `work` while no other acs process on this machine works on the same volume; waits for it until the
 * deadline. The lock is a bound abstract unix socket: the kernel frees it when its process dies, however it
 * dies, so there is no stale lock. It holds within one network namespace.
 */
export async function withVolumeLock<T>(
  context: VolumeContext,
  volumeUuid: string,
  doing: string,
  work: () => Promise<T>,
): Promise<T> {
  const address = addressOf(volumeUuid)
  let release = await take(address, doing)
  for (let told = false; release === undefined; release = await take(address, doing)) {
    await holderLetsGo(address, context, (who) => {
      if (!told) announceStep(context, `waiting for another acs to finish (${who})`)
      told = true
    })
    await context.deadline.sleep(5 + Math.random() * 20, `waiting to ${doing}: another acs works on the same volume`)
  }
  try {
    return await work()
  } finally {
    release()
  }
}

/** Who works on a volume on this machine right now, as `pid 4711: mount`; undefined when nobody does. */
export function volumeLockHolder(volumeUuid: string, patienceMs = 1_000): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(addressOf(volumeUuid))
    const finish = (who: string | undefined): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(who)
    }
    // Held by a process that is stopped, or too busy to answer.
    const timer = setTimeout(() => finish('a process that does not answer'), patienceMs)
    socket.on('data', (text) => finish(text.toString('utf8')))
    socket.on('error', () => finish(undefined))
    socket.on('close', () => finish(undefined))
  })
}

function addressOf(volumeUuid: string): string {
  return `\0acs-volume-${createHash('sha256').update(volumeUuid).digest('hex').slice(0, 32)}`
}

/** Takes the lock and returns how to let go of it; undefined when someone else has it. */
function take(address: string, doing: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const peers = new Set<Socket>()
    const server = createServer((peer) => {
      // A waiter learns who we are and stays connected: the end of the connection is its signal.
      peers.add(peer)
      peer.on('close', () => peers.delete(peer))
      peer.on('error', () => peer.destroy())
      peer.unref()
      peer.write(`pid ${process.pid}: ${doing}`)
    })
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else reject(new AcsError('failed', 'EACSLOCK', `cannot lock the volume: ${error.message}`, { cause: error }))
    })
    // Not unref'd: while a volume is worked on, this process must not end for want of something to wait for.
    server.listen(address, () => {
      resolve(() => {
        server.close()
        for (const peer of peers) peer.destroy()
      })
    })
  })
}

/** Resolves when the holder lets go or dies, or when the deadline passes. */
function holderLetsGo(address: string, context: VolumeContext, tell: (who: string) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(address)
    const { signal } = context.deadline
    const finish = (): void => {
      signal.removeEventListener('abort', finish)
      socket.destroy()
      resolve()
    }
    signal.addEventListener('abort', finish, { once: true })
    socket.on('data', (text) => tell(text.toString('utf8')))
    socket.on('error', finish)
    socket.on('close', finish)
  })
}
