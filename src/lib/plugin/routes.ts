import { isAcsError } from '../base/errors.js'
import type { PluginCall } from './plugin-call.js'

export interface Route {
  /** As logs and metrics name it. */
  call: string
  /** Create and Mount may take two minutes of dockerd's time, all others one (docker-protocols.md A.3). */
  patience: 'long' | 'short'
  /** Changes nothing: said in the log only when it fails. */
  reads: boolean
  /** Whether dockerd may hear of this error. What it may not hear of ends the connection without an answer. */
  tells(error: unknown): boolean
  /** Loads when first called: the socket must be there before most of this program is. */
  load(): Promise<PluginCall>
}

const everything = (): boolean => true
/**
 * dockerd takes every answer to `Get` but a volume for "gone", and forgets what it knew of the volume. A broken
 * connection is the one thing it does not read so (docker-protocols.md, findings 1 and 2).
 */
const goneVolumes = (error: unknown): boolean => isAcsError(error, 'EACSNOTFOUND')

const read = { reads: true, patience: 'short', tells: everything } as const
const write = { reads: false, patience: 'short', tells: everything } as const

const table: Readonly<Record<string, Route>> = {
  '/Plugin.Activate': {
    ...read,
    call: 'Activate',
    load: async () => (await import('./calls/activate.js')).activate,
  },
  '/VolumeDriver.Capabilities': {
    ...read,
    call: 'Capabilities',
    load: async () => (await import('./calls/capabilities.js')).capabilities,
  },
  '/VolumeDriver.Create': {
    ...write,
    call: 'Create',
    patience: 'long',
    load: async () => (await import('./calls/create.js')).create,
  },
  '/VolumeDriver.Get': {
    ...read,
    call: 'Get',
    tells: goneVolumes,
    load: async () => (await import('./calls/get.js')).get,
  },
  '/VolumeDriver.List': { ...read, call: 'List', load: async () => (await import('./calls/list.js')).list },
  '/VolumeDriver.Mount': {
    ...write,
    call: 'Mount',
    patience: 'long',
    load: async () => (await import('./calls/mount.js')).mount,
  },
  '/VolumeDriver.Path': { ...read, call: 'Path', load: async () => (await import('./calls/path.js')).path },
  '/VolumeDriver.Remove': { ...write, call: 'Remove', load: async () => (await import('./calls/remove.js')).remove },
  '/VolumeDriver.Unmount': {
    ...write,
    call: 'Unmount',
    load: async () => (await import('./calls/unmount.js')).unmount,
  },
}

/** What serves a path; a path is case-sensitive and whole. */
export function findRoute(path: string | undefined): Route | undefined {
  return path !== undefined && Object.hasOwn(table, path) ? table[path] : undefined
}
