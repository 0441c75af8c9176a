import { isAcsError } from '../base/errors.js'
import { redactFields, redactText } from '../base/redact.js'
import type { PluginLog } from './driver.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** The plugin's log: JSON lines by pino, secrets taken out. */
export interface PluginLogFile extends PluginLog {
  setLevel(level: LogLevel): void
  /** Loads pino and writes what was logged so far. Not before the socket listens: loading takes its time. */
  open(): Promise<void>
  /** Writes what is not yet written, if that is possible within a second; nothing is logged any more. */
  close(): Promise<void>
}

type Fields = Readonly<Record<string, unknown>>
type Write = (level: LogLevel, fields: Fields, message: string) => void

const ranks: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 }
/** A reader that stands still (dockerd that restarts, for a managed plugin) must neither stop us nor fill our memory. */
const longestBacklog = 4 * 1024 ** 2
const closingMs = 1_000

/** @param descriptor where lines go; standard error. */
export function createLog(level: LogLevel = 'info', descriptor = 2): PluginLogFile {
  let lowest = ranks[level]
  const early: Parameters<Write>[] = []
  let sink: Write = (...line) => void early.push(line)
  let end: () => Promise<void> = () => Promise.resolve()
  const write: Write = (lineLevel, fields, message) => {
    // Before pino the configuration is not read, either: the level comes with it.
    if (ranks[lineLevel] >= lowest) sink(lineLevel, fields, message)
  }
  return {
    ...logWith(write, {}),
    setLevel(next) {
      lowest = ranks[next]
    },
    async open() {
      const { pino } = await import('pino')
      const destination = pino.destination({ dest: descriptor, sync: false, maxLength: longestBacklog })
      // Nobody reads any more, or the disk is full: a volume plugin has better things to do than to die of it.
      destination.on('error', () => undefined)
      const logger = pino(
        {
          level: 'debug',
          base: { pid: process.pid },
          timestamp: pino.stdTimeFunctions.isoTime,
          formatters: { level: (label) => ({ level: label }) },
          // Errors are plain by then.
          serializers: { err: (fields: unknown) => fields },
        },
        destination,
      )
      sink = (lineLevel, fields, message) => logger[lineLevel](plain(fields), redactText(message))
      end = () =>
        new Promise((resolve) => {
          destination.once('close', () => resolve())
          destination.end()
        })
      for (const line of early.splice(0)) sink(...line)
    },
    async close() {
      sink = () => undefined
      let timer: NodeJS.Timeout | undefined
      await Promise.race([end(), new Promise((resolve) => (timer = setTimeout(resolve, closingMs)))])
      clearTimeout(timer)
    },
  }
}

function logWith(write: Write, bound: Fields): PluginLog {
  const at =
    (level: LogLevel) =>
    (fields: Fields, message: string): void =>
      write(level, { ...bound, ...fields }, message)
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => logWith(write, { ...bound, ...fields }),
  }
}

/** Errors as data, without secrets. */
function plain(fields: Fields): object {
  const entries = Object.entries(fields).map(([key, value]) => [
    key,
    value instanceof Error ? errorFields(value) : value,
  ])
  return redactFields(Object.fromEntries(entries)) as object
}

/** A stack only for what nobody foresaw; of a cause its message. */
function errorFields(error: Error): object {
  const { message } = error
  const cause = error.cause instanceof Error ? { cause: error.cause.message } : {}
  if (!isAcsError(error)) return { name: error.name, message, ...cause, stack: error.stack }
  const stack = error.kind === 'bug' && error.cause instanceof Error ? { stack: error.cause.stack } : {}
  return { code: error.code, kind: error.kind, message, details: error.details, ...cause, ...stack }
}
