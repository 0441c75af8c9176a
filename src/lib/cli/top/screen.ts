import type { ReadStream, WriteStream } from 'node:tty'

/** A terminal taken over for a live view. */
export interface Screen {
  size(): { width: number; height: number }
  draw(lines: readonly string[]): void
  /** Gives the terminal back as it was. Again is fine. */
  close(): void
}

export interface ScreenEvents {
  /** `q`, `ctrl-c`, `up`, `page-down`... */
  onKey(key: string): void
  onResize(): void
  /** The terminal is gone. */
  onGone(): void
}

// DEC private modes (xterm's ctlseqs): 1049 alternate screen, 25 cursor, 7 wrap at the right edge.
const enter = '\u001B[?1049h\u001B[?25l\u001B[?7l'
const leave = '\u001B[?7h\u001B[?25h\u001B[?1049l'

/** Takes the terminal over. However the process ends, short of SIGKILL, it is given back. */
export function openScreen(output: WriteStream, input: ReadStream, events: ScreenEvents): Screen {
  const keys = input.isTTY
  let open = false
  let closed = false

  const begin = (): void => {
    if (open || closed) return
    open = true
    if (keys) {
      input.setRawMode(true)
      input.resume()
    }
    output.write(enter)
  }
  const end = (): void => {
    if (!open) return
    open = false
    output.write(leave)
    if (keys) {
      input.setRawMode(false)
      input.pause()
    }
  }
  /** Ctrl-Z: the shell gets its terminal, and we wait as any program does. */
  const suspend = (): void => {
    end()
    process.kill(process.pid, 'SIGTSTP')
    // Where nobody could wake us again the kernel does not stop us (setpgid(2), orphaned process groups): then we go on.
    setTimeout(goOn, 100)
  }
  const hear = (data: Buffer | string): void => {
    for (const key of keysIn(data.toString()))
      if (key === 'ctrl-z') suspend()
      else events.onKey(key)
  }
  const goOn = (): void => {
    if (closed) return
    // The shell may have changed the terminal's mode meanwhile.
    end()
    begin()
    events.onResize()
  }
  /** The default of SIGHUP ends the process without another word. */
  const hangUp = (): void => {
    close()
    process.kill(process.pid, 'SIGHUP')
  }
  const gone = (): void => events.onGone()
  const resized = (): void => events.onResize()

  function close(): void {
    if (closed) return
    end()
    closed = true
    input.off('data', hear).off('end', gone).off('error', gone)
    output.off('resize', resized)
    // An error that is still to come is no news.
    output.off('error', gone).on('error', () => undefined)
    process.off('exit', close).off('SIGCONT', goOn).off('SIGHUP', hangUp)
    process.off('uncaughtExceptionMonitor', close).off('unhandledRejection', close)
  }

  if (keys) input.on('data', hear).on('end', gone).on('error', gone)
  output.on('resize', resized).on('error', gone)
  process.on('exit', close).on('SIGCONT', goOn).on('SIGHUP', hangUp)
  // Before the error is told: on the other screen nobody would read it.
  process.on('uncaughtExceptionMonitor', close).prependListener('unhandledRejection', close)
  begin()

  return {
    size: () => ({ width: output.columns || 80, height: output.rows || 24 }),
    draw(lines) {
      if (open) output.write(`\u001B[H${lines.map((line) => `${line}\u001B[K`).join('\r\n')}\u001B[J`)
    },
    close,
  }
}

const named: Readonly<Record<string, string>> = {
  '\u0003': 'ctrl-c',
  '\u0004': 'ctrl-d',
  '\u001A': 'ctrl-z',
  '\u001B[A': 'up',
  '\u001B[B': 'down',
  '\u001BOA': 'up',
  '\u001BOB': 'down',
  '\u001B[5~': 'page-up',
  '\u001B[6~': 'page-down',
  '\u001B[H': 'home',
  '\u001B[F': 'end',
  '\u001B': 'escape',
}

/** The keys in what a terminal sends; several come together when somebody types quickly. */
export function keysIn(data: string): string[] {
  // eslint-disable-next-line no-control-regex -- ESC begins what the special keys send
  return (data.match(/\u001B\[[0-9;]*[A-Za-z~]|\u001BO[A-Z]|[\s\S]/gu) ?? []).map((key) => named[key] ?? key)
}
