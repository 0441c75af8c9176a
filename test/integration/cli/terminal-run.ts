import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { stripVTControlCharacters } from 'node:util'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { projectRoot } from './acs.js'

const script = fileURLToPath(new URL('on-terminal.py', import.meta.url))

/** acs on a terminal, as a person has it. */
export interface TerminalRun {
  /** All that was written to the terminal so far. */
  output(): string
  /** The lines of the last frame, without colours. */
  frame(): string[]
  send(keys: string): void
  resize(columns: number, rows: number): void
  signal(name: NodeJS.Signals): void
  /** The exit code (negative: the signal), and whether the terminal's mode is what it was. */
  ended: Promise<{ code: number; restored: boolean }>
}

export function runOnTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  size: { columns: number; rows: number } = { columns: 100, rows: 30 },
): TerminalRun {
  const command = [process.execPath, `${projectRoot}/bin/run.js`, ...args]
  const child = spawn('python3', [script, String(size.columns), String(size.rows), ...command], {
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      ACS_CONFIG: '/nonexistent/config.yaml',
      TERM: 'xterm',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.on('error', () => undefined)
  onTestFinished(() => void child.stdin.end())
  let output = ''
  let rest = ''
  const ended = new Promise<{ code: number; restored: boolean }>((resolve, reject) => {
    child.once('error', reject)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const said = JSON.parse(line) as { data: string } | { code: number; restored: boolean }
        if ('data' in said) output += said.data
        else resolve(said)
      }
    })
  })
  const tell = (order: object): void => void child.stdin.write(`${JSON.stringify(order)}\n`)
  return {
    output: () => output,
    frame() {
      // Each frame begins at the upper left corner and ends with a deletion of what is below it.
      const frames = output.split('\u001B[H').slice(1)
      const last = frames.findLast((frame) => frame.includes('\u001B[J')) ?? ''
      return (
        last
          .slice(0, last.indexOf('\u001B[J'))
          // The terminal makes \r\n of every \n.
          .split(/\r*\n/)
          .map(stripVTControlCharacters)
      )
    },
    send: (keys) => tell({ send: keys }),
    resize: (columns, rows) => tell({ resize: [columns, rows] }),
    signal: (name) => tell({ signal: constants.signals[name] }),
    ended,
  }
}
