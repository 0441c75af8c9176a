import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, onTestFinished } from 'vitest'
import type { ServeProcessOptions } from './serve-process.js'
import { temporaryFolder } from './server-lab.js'
import { dockerdRequest, openWire, type WireAnswer } from './wire.js'

const entry = fileURLToPath(new URL('./serve-process.ts', import.meta.url))

/** Built as acs is, one file of CommonJS, so that what is measured is not the compiler. */
let program: Promise<string> | undefined
async function buildProgram(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    supported: { 'dynamic-import': false },
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

/** A plugin with a driver in memory, as a process. */
export interface Running {
  child: ChildProcess
  said: () => string[]
  log: () => Record<string, unknown>[]
  /** Waits until it said so. */
  says: (text: string) => Promise<void>
  ended: Promise<number | null>
  /** When the process was begun to be made. */
  startedAt: number
}

/** Starts serve-process.ts, by `command` if given; it is killed at the end of the test. */
export async function startServe(
  options: ServeProcessOptions,
  command: string[] = [process.execPath],
): Promise<Running> {
  const file = join(await temporaryFolder(), 'serve.cjs')
  program ??= buildProgram()
  await writeFile(file, await program)
  const [binary = '', ...args] = command
  const startedAt = performance.now()
  const child = spawn(binary, [...args, file, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const said = (): string[] => out.split('\n').filter(Boolean)
  return {
    child,
    startedAt,
    said,
    log: () =>
      err
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    says: (text) => expect.poll(said, { timeout: 10_000, interval: 5 }).toContain(text),
    ended: once(child, 'close').then(([code]) => code as number | null),
  }
}

export async function call(path: string, name: string, body: object): Promise<WireAnswer> {
  const wire = await openWire(path)
  wire.send(dockerdRequest(name, JSON.stringify(body)))
  return wire.answer().finally(() => wire.hangUp())
}

export async function socketPath(): Promise<string> {
  return join(await temporaryFolder(), 'p.sock')
}
