import { printable } from '../base/printable.js'
import { style } from './terminal.js'

/** Says on stderr what is being waited for: a spinner on a terminal, plain lines elsewhere. */
export interface Progress {
  /** Begins a step: `Waiting for task VolumeGroupCreate`. */
  start(text: string): void
  /** Detail of the running step: `42 %`. */
  update(detail: string): void
  done(text?: string): void
  fail(text?: string): void
  /** Takes the spinner off the screen before something else is written; the step goes on with the next `update`. */
  pause(): void
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 80
/** Plain lines are for logs: a change of detail is worth one every so often. */
const lineMs = 5000

interface Screen {
  isTTY?: boolean
  write(text: string): boolean
}

/** @param silent writes nothing at all. */
export function createProgress(options: { silent: boolean; stream?: Screen }): Progress {
  const stream = options.stream ?? process.stderr
  if (options.silent) return silentProgress
  return stream.isTTY && process.env.TERM !== 'dumb' ? new Spinner(stream) : new Lines(stream)
}

export const silentProgress: Progress = {
  start: () => undefined,
  update: () => undefined,
  done: () => undefined,
  fail: () => undefined,
  pause: () => undefined,
}

class Spinner implements Progress {
  private text = ''
  private detail = ''
  private frame = 0
  private timer?: NodeJS.Timeout

  constructor(private readonly stream: Screen) {}

  start(text: string): void {
    if (this.text) this.done()
    this.text = printable(text)
    this.detail = ''
    this.draw()
    this.timer = setInterval(() => this.draw(), frameMs)
    this.timer.unref()
  }

  update(detail: string): void {
    if (!this.text) return
    this.detail = printable(detail)
    this.draw()
  }

  done(text = 'done'): void {
    this.end(style('green', '✔', this.stream), text)
  }

  fail(text = 'failed'): void {
    this.end(style('red', '✖', this.stream), text)
  }

  pause(): void {
    if (this.text) this.stream.write('\r\u001B[K')
  }

  private draw(): void {
    this.frame = (this.frame + 1) % frames.length
    const detail = this.detail ? ` ${style('dim', this.detail, this.stream)}` : ''
    this.stream.write(`\r\u001B[K${frames[this.frame] ?? ''} ${this.text}${detail}`)
  }

  private end(mark: string, text: string): void {
    if (!this.text) return
    clearInterval(this.timer)
    this.stream.write(`\r\u001B[K${mark} ${this.text}: ${text}\n`)
    this.text = ''
  }
}

class Lines implements Progress {
  private text = ''
  private saidAt = 0
  private said = ''

  constructor(private readonly stream: Screen) {}

  start(text: string): void {
    this.text = printable(text)
    this.said = ''
    this.saidAt = performance.now()
    this.stream.write(`${this.text}...\n`)
  }

  update(detail: string): void {
    if (!this.text || detail === this.said || performance.now() - this.saidAt < lineMs) return
    this.said = detail
    this.saidAt = performance.now()
    this.stream.write(`${this.text}: ${printable(detail)}\n`)
  }

  done(text = 'done'): void {
    this.end(text)
  }

  fail(text = 'failed'): void {
    this.end(text)
  }

  pause(): void {
    // Lines end by themselves.
  }

  private end(text: string): void {
    if (!this.text) return
    this.stream.write(`${this.text}: ${text}\n`)
    this.text = ''
  }
}
