/**
 * A volume driver as Docker's protocol sees it, without HTTP: `server.ts` speaks the protocol, whoever
 * implements this knows volumes. Source: moby volume/drivers/proxy.go, docker-protocols.md A.3.
 */
import type { Deadline } from '../base/deadline.js'

/** What one call carries down into every step. */
export interface Call {
  /** Unique; in every log line and error of the call. */
  requestId: string
  /** Ends before Docker gives up on the call, and when the client is gone. */
  deadline: Deadline
  log: PluginLog
  /** Measures one step of the call under the call's name. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>
}

/** pino's shape. Fields never hold a secret. */
export interface PluginLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
  child(fields: Readonly<Record<string, unknown>>): PluginLog
}

/** Never changed once handed out, its status neither. */
export interface DriverVolume {
  readonly name: string
  /** Absent while it is not mounted here. */
  readonly mountPoint?: string
  /** ISO 8601; left out rather than guessed, as an unreadable one makes dockerd forget the volume. */
  readonly createdAt?: string
  /** For `docker volume inspect`; an object, never a list. */
  readonly status?: Readonly<Record<string, unknown>>
}

/**
 * The nine calls. Every error is an `AcsError`; one of kind `not-found` is told as "no such volume", which
 * makes dockerd forget its record of it. `CannotTell` is for a `get` that can neither find nor deny.
 */
export interface VolumeDriver {
  /** Idempotent by name. `options` as Docker sent them, strings; none is `{}`. */
  create(request: { name: string; options: Readonly<Record<string, string>> }, call: Call): Promise<void>
  /** Known from local state at once, whatever the cluster does. Throws EACSNOTFOUND or `CannotTell`. */
  get(request: { name: string }, call: Call): Promise<DriverVolume>
  /** From memory. */
  list(call: Call): Promise<DriverVolume[]>
  remove(request: { name: string }, call: Call): Promise<void>
  path(request: { name: string }, call: Call): Promise<{ mountPoint?: string }>
  /** `id` is the caller's: one a container and mount point, used again after a crash. */
  mount(request: { name: string; id: string }, call: Call): Promise<{ mountPoint: string }>
  /** An unknown id is success: Docker repeats itself after a crash. */
  unmount(request: { name: string; id: string }, call: Call): Promise<void>
  capabilities(): { scope: 'local' | 'global' }
}

/**
 * Whether the volume exists cannot be told now, for instance as Prism is unreachable. Any answer would be
 * taken for "gone" (docker-protocols.md, finding 1), so the server drops the connection: dockerd tries again.
 */
export class CannotTell extends Error {
  override readonly name = 'CannotTell'
}
