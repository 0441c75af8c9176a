import { createConnection, type Socket } from 'node:net'
import { messageOf } from '../../base/errors.js'
import { NotHttp, readAnswer, type HttpAnswer } from './http-answer.js'

/** Why there is no answer. `cancelled` is our own doing: Ctrl-C, or the end of the whole run's time. */
export interface Lost {
  kind: 'refused' | 'closed' | 'timeout' | 'not-http' | 'cancelled'
  text: string
}

/** One connection to a plugin, on which bytes go out exactly as they are given. */
export interface Wire {
  write(bytes: string | Buffer): void
  /** The next answer, in the order of the requests. */
  answer(limitMs: number): Promise<HttpAnswer | Lost>
  /** Resolves once the plugin has closed its side, or after `limitMs`; says which. */
  closes(limitMs: number): Promise<boolean>
  isClosed(): boolean
  /** Hangs up at once. */
  close(): void
}

/** Whether it is an answer. */
export function isAnswer(outcome: HttpAnswer | Lost): outcome is HttpAnswer {
  return 'status' in outcome
}

/** Whether it is a connection. */
export function isWire(outcome: Wire | Lost): outcome is Wire {
  return 'write' in outcome
}

/** Connects to a unix socket. Never throws: what a plugin does is a finding. `signal` ends all waiting. */
export function openWire(path: string, signal: AbortSignal, limitMs: number): Promise<Wire | Lost> {
  return new Promise((resolve) => {
    const socket = createConnection({ path })
    const leave = (lost: Lost): void => {
      done()
      socket.destroy()
      resolve(lost)
    }
    const refused = (error: Error): void => leave({ kind: 'refused', text: messageOf(error) })
    const cancelled = (): void => leave({ kind: 'cancelled', text: 'cancelled' })
    const timer = setTimeout(() => leave({ kind: 'timeout', text: `no connection in ${limitMs} ms` }), limitMs)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancelled)
      socket.off('error', refused)
    }
    socket.once('error', refused).once('connect', () => {
      done()
      resolve(createWire(socket, signal))
    })
    if (signal.aborted) cancelled()
    else signal.addEventListener('abort', cancelled, { once: true })
  })
}

function createWire(socket: Socket, signal: AbortSignal): Wire {
  let received = Buffer.alloc(0)
  let ended: string | undefined
  let hungUp = false
  /** Whoever waits looks again when something has come. */
  let wake: () => void = () => undefined

  const end = (why: string): void => {
    ended ??= why
    wake()
  }
  socket
    .on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
      wake()
    })
    .on('end', () => end('the connection was closed'))
    .on('error', (error) => end(messageOf(error)))
    .on('close', () => end('the connection was closed'))

  /** Waits until `look` finds something. */
  async function until<T>(look: () => T | undefined, limitMs: number): Promise<T | 'timeout' | 'cancelled'> {
    const endsAt = performance.now() + limitMs
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (signal.aborted) return 'cancelled'
      const leftMs = endsAt - performance.now()
      if (leftMs <= 0) return 'timeout'
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.ceil(leftMs))
        const woken = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', woken)
          resolve()
        }
        wake = woken
        signal.addEventListener('abort', woken, { once: true })
      })
      wake = () => undefined
    }
  }

  function take(): HttpAnswer | Lost | undefined {
    try {
      const read = received.length > 0 ? readAnswer(received, ended !== undefined) : undefined
      if (read) {
        received = received.subarray(read.length)
        return read.answer
      }
    } catch (error) {
      if (!(error instanceof NotHttp)) throw error
      return { kind: 'not-http', text: error.message }
    }
    if (ended === undefined) return undefined
    return { kind: 'closed', text: received.length > 0 ? `${ended} in the middle of the answer` : ended }
  }

  return {
    write(bytes) {
      if (ended === undefined && !hungUp) socket.write(bytes)
    },
    async answer(limitMs) {
      const outcome = await until(take, limitMs)
      if (outcome === 'timeout') return { kind: 'timeout', text: `no answer in ${limitMs} ms` }
      return outcome === 'cancelled' ? { kind: 'cancelled', text: 'cancelled' } : outcome
    },
    async closes(limitMs) {
      return (await until(() => (ended === undefined ? undefined : true), limitMs)) === true
    },
    isClosed: () => ended !== undefined,
    close() {
      hungUp = true
      socket.destroy()
    },
  }
}
