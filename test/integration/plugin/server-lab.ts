import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Budgets } from '../../../src/lib/plugin/budgets.js'
import type { PluginLog, VolumeDriver } from '../../../src/lib/plugin/driver.js'
import { createPluginMetrics } from '../../../src/lib/plugin/plugin-metrics.js'
import { startPluginServer, type PluginServer } from '../../../src/lib/plugin/server.js'
import { dockerdRequest, openWire, type Wire, type WireAnswer } from './wire.js'

export interface LogLine {
  level: string
  message: string
  fields: Record<string, unknown>
}

export interface ServerLab {
  path: string
  server: PluginServer
  log: LogLine[]
  /** A connection of its own for each call, as dockerd sends it. */
  call(name: string, request?: unknown): Promise<WireAnswer>
  wire(): Promise<Wire>
  metrics(): Promise<string>
}

/** A server on a socket of its own, gone at the end of the test. */
export async function startServerLab(
  driver: VolumeDriver | (() => Promise<VolumeDriver>),
  budgets: Partial<Budgets> = {},
): Promise<ServerLab> {
  const folder = await temporaryFolder()
  const path = join(folder, 'p.sock')
  const log: LogLine[] = []
  const metrics = createPluginMetrics()
  const server = await startPluginServer({
    socket: { path },
    driver: typeof driver === 'function' ? driver : () => Promise.resolve(driver),
    log: recordingLog(log),
    metrics,
    budgets: { drainMs: 2_000, cancelMs: 500, ...budgets },
  })
  onTestFinished(() => server.close())
  const wires: Wire[] = []
  onTestFinished(() => {
    for (const wire of wires) wire.hangUp()
  })
  async function wire(): Promise<Wire> {
    const opened = await openWire(path)
    wires.push(opened)
    return opened
  }
  return {
    path,
    server,
    log,
    wire,
    metrics: () => metrics.text(),
    async call(name, request) {
      const one = await wire()
      one.send(dockerdRequest(name, request === undefined ? '' : `${JSON.stringify(request)}\n`))
      try {
        return await one.answer()
      } finally {
        one.hangUp()
      }
    },
  }
}

/** Short, as a socket's path has at most 107 bytes; removed at the end of the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'acs-p-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function recordingLog(lines: LogLine[], bound: Readonly<Record<string, unknown>> = {}): PluginLog {
  const at =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void =>
      void lines.push({ level, message, fields: { ...bound, ...fields } })
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recordingLog(lines, { ...bound, ...fields }),
  }
}

/** A promise and its outcome in a test's hands. */
export function gate<T = void>(): { opened: Promise<T>; open: (value: T) => void; fail: (error: Error) => void } {
  let open: (value: T) => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const opened = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  opened.catch(() => undefined)
  return { opened, open, fail }
}
