import type { Socket } from 'node:net'
import { Framer, FramingError } from './framer.js'
import { Login } from './login.js'
import type { LoggedIn } from './login.js'
import { targetMaxDataLength } from './negotiation.js'
import { Outbox } from './outbox.js'
import { opcode, opcodeOf, rejectReason } from './pdu.js'
import type { Pdu } from './pdu.js'
import { asyncEvent } from './session.js'
import type { Session, SessionLink } from './session.js'
import { Sender } from './sender.js'
import { commandWindow } from './sequencing.js'

export interface ConnectionOptions {
  socket: Socket
  login: Login
  /** Makes the session of a finished login; `tsih` is what the initiator will call it. */
  openSession: (login: LoggedIn, link: SessionLink, expectedCommand: number) => { session: Session; tsih: number }
  /** The session is over, though bytes may still be on their way. */
  onEnd: () => void
  onClose: () => void
  onError: (error: unknown) => void
}

const loginTimeoutMs = 15_000
const lingerMs = 1_000
const inputHighWater = 32 * 1024 * 1024

/** One TCP connection: bytes to PDUs, login, then its session. */
export class Connection implements SessionLink {
  readonly outbox: Outbox
  readonly sender: Sender
  session: Session | undefined
  lastHeard = performance.now()
  private readonly framer = new Framer()
  private readonly loginTimer: NodeJS.Timeout
  private firstCommand = 0
  private finishing = false

  constructor(private readonly options: ConnectionOptions) {
    const { socket } = options
    socket.setNoDelay(true)
    this.outbox = new Outbox(socket, () => this.onSent())
    this.sender = new Sender(
      this.outbox,
      () =>
        this.session?.numbers ?? {
          expectedCommand: this.firstCommand,
          maximumCommand: (this.firstCommand + commandWindow - 1) >>> 0,
        },
    )
    this.loginTimer = setTimeout(() => this.destroy(), loginTimeoutMs)
    this.loginTimer.unref()
    socket.on('data', (chunk: Buffer) => this.onData(chunk))
    // The reason for a lost connection does not matter to a target; `close` follows.
    socket.on('error', () => this.destroy())
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      clearTimeout(this.loginTimer)
      options.onEnd()
      options.onClose()
    })
  }

  /** Sends what is queued, then closes; the peer gets a second to read it. */
  finish(): void {
    if (this.finishing) return
    this.finishing = true
    this.options.onEnd()
    this.outbox.flush()
    this.options.socket.end()
    setTimeout(() => this.destroy(), lingerMs).unref()
  }

  destroy(): void {
    this.finishing = true
    this.options.onEnd()
    this.options.socket.destroy()
  }

  /** Ends the session by the target's will; resolves when its commands have come to rest. */
  async revoke(): Promise<void> {
    const ended = this.session?.end()
    this.session?.announce(asyncEvent.logoutRequest)
    this.finish()
    await ended
  }

  /** Asks for a sign of life. */
  ping(): void {
    this.session?.ping()
    this.outbox.flush()
  }

  /** A bug or a broken backend: this connection ends, the others go on. */
  broke(error: unknown): void {
    this.destroy()
    this.options.onError(error)
  }

  private onData(chunk: Buffer): void {
    if (this.finishing) return
    this.lastHeard = performance.now()
    try {
      this.framer.push(chunk, (pdu) => this.receive(pdu))
    } catch (error) {
      if (error instanceof FramingError) this.destroy()
      else this.broke(error)
      return
    }
    this.outbox.flush()
    if (this.outbox.backlog > inputHighWater) this.options.socket.pause()
  }

  private onSent(): void {
    this.session?.tasks.resume()
    if (this.options.socket.isPaused() && this.outbox.backlog < inputHighWater / 2) this.options.socket.resume()
  }

  private receive(pdu: Pdu): void {
    if (this.finishing) return
    if (this.session) {
      this.session.receive(pdu)
      return
    }
    if (opcodeOf(pdu.header) === opcode.login) {
      this.logIn(pdu)
      return
    }
    this.sender.reject(rejectReason.protocolError, pdu.header)
    this.finish()
  }

  private logIn({ header, data }: Pdu): void {
    // Login PDUs are immediate: the first numbered command of the session has this number, too.
    this.firstCommand = header.readUInt32BE(24)
    const answer = this.options.login.receive(header, data)
    switch (answer.kind) {
      case 'reject':
        this.sender.reject(rejectReason.protocolError, header)
        {
          this.finish()
          return
        }
      case 'refused':
        this.answerLogin(header, 0, answer.status, Buffer.alloc(0), 0)
        {
          this.finish()
          return
        }
      case 'moved':
        this.answerLogin(header, answer.flags, 0x0101, answer.text, 0)
        {
          this.finish()
          return
        }
      case 'more': {
        this.answerLogin(header, answer.flags, 0, answer.text, 0)
        return
      }
      case 'done': {
        clearTimeout(this.loginTimer)
        const { session, tsih } = this.options.openSession(answer.session, this, this.firstCommand)
        this.answerLogin(header, answer.flags, 0, answer.text, tsih)
        const { parameters } = answer.session
        this.session = session
        this.sender.parameters = parameters
        this.framer.headerDigest = parameters.headerDigest
        this.framer.dataDigest = parameters.dataDigest
        this.framer.maxDataLength = targetMaxDataLength
      }
    }
  }

  private answerLogin(header: Buffer, flags: number, status: number, text: Buffer, tsih: number): void {
    this.sender.answer(opcode.loginResponse, text, (answer) => {
      answer[1] = flags
      header.copy(answer, 8, 8, 14)
      answer.writeUInt16BE(tsih, 14)
      header.copy(answer, 16, 16, 20)
      answer.writeUInt16BE(status, 36)
    })
  }
}
