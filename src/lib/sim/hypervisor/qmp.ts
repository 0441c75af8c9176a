import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { WireError, errorCodes } from '../wire-error.js'

export interface QmpEvent {
  readonly event: string
  readonly data?: Readonly<Record<string, unknown>>
}

interface Waiting {
  resolve: (value: unknown) => void
  reject: (error: Error) => void
}

const answerWithinMs = 60_000

/** QEMU's machine protocol: one JSON object a line, docs/interop/qmp-spec. */
export class Qmp {
  /** Resolves when the other end has gone. */
  readonly ended: Promise<void>
  private readonly waiting = new Map<number, Waiting>()
  private nextId = 1
  private rest = ''

  private constructor(
    private readonly socket: Socket,
    private readonly onEvent: (event: QmpEvent) => void,
  ) {
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => this.take(text))
    // The end says it too.
    socket.on('error', () => undefined)
    this.ended = new Promise((resolve) =>
      socket.once('close', () => {
        for (const { reject } of this.waiting.values()) reject(new Error('QEMU has ended'))
        this.waiting.clear()
        resolve()
      }),
    )
  }

  /** Throws the socket's error where nobody answers. */
  static async open(path: string, onEvent: (event: QmpEvent) => void): Promise<Qmp> {
    const socket = connect(path)
    await once(socket, 'connect')
    const qmp = new Qmp(socket, onEvent)
    await qmp.run('qmp_capabilities')
    return qmp
  }

  /** @throws WireError with QEMU's own words. */
  async run(command: string, given?: object): Promise<unknown> {
    const id = this.nextId
    this.nextId += 1
    // Nobody is ended for being slow: QEMU does not answer while it waits for a disk.
    const timer = setTimeout(() => {
      this.waiting.get(id)?.reject(new Error(`no answer within ${answerWithinMs / 1000} s`))
      this.waiting.delete(id)
    }, answerWithinMs)
    try {
      return await new Promise((resolve, reject) => {
        this.waiting.set(id, { resolve, reject })
        this.socket.write(JSON.stringify({ execute: command, ...(given && { arguments: given }), id }) + '\n')
      })
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      throw new WireError(500, `InternalException: QEMU, ${command}: ${words}`, errorCodes.general)
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.socket.destroy()
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n')
    this.rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') this.hear(JSON.parse(line) as Message)
  }

  private hear(message: Message): void {
    if (message.event !== undefined) this.onEvent({ event: message.event, data: message.data })
    const waiting = message.id === undefined ? undefined : this.waiting.get(message.id)
    if (message.id === undefined || !waiting) return
    this.waiting.delete(message.id)
    if (message.error) waiting.reject(new Error(message.error.desc))
    else waiting.resolve(message.return)
  }
}

interface Message {
  id?: number
  event?: string
  data?: Record<string, unknown>
  return?: unknown
  error?: { desc: string }
}
