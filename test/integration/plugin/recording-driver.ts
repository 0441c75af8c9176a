import { AcsError } from '../../../src/lib/base/errors.js'
import type { Call, DriverVolume, VolumeDriver } from '../../../src/lib/plugin/driver.js'

export interface RecordingDriver extends VolumeDriver {
  /** What was asked, in order: `['mount', {name, id}]`. */
  readonly asked: [call: string, request: unknown][]
  /** The `call` that came with each. */
  readonly calls: Call[]
  readonly volumes: Map<string, DriverVolume & { ids: Set<string> }>
}

/** A driver in memory that keeps what it is asked; `instead` takes the place of single calls. */
export function recordingDriver(instead: Partial<VolumeDriver> = {}): RecordingDriver {
  const asked: RecordingDriver['asked'] = []
  const calls: Call[] = []
  const volumes: RecordingDriver['volumes'] = new Map()
  const find = (name: string): DriverVolume & { ids: Set<string> } => {
    const found = volumes.get(name)
    if (found) return found
    throw new AcsError('not-found', 'EACSNOTFOUND', `there is no volume "${name}"`, {
      hints: [`Create it: docker volume create -d nutanix ${name}`],
    })
  }
  function keep<R>(name: string, request: R, call: Call): R {
    asked.push([name, request])
    calls.push(call)
    return request
  }
  const own: VolumeDriver = {
    capabilities: () => ({ scope: 'global' }),
    create: ({ name }) => {
      volumes.set(name, volumes.get(name) ?? { name, createdAt: '2026-01-02T03:04:05Z', ids: new Set() })
      return Promise.resolve()
    },
    get: async ({ name }) => Promise.resolve(shown(find(name))),
    list: () => Promise.resolve([...volumes.values()].map(shown)),
    remove: async ({ name }) => {
      await Promise.resolve(find(name))
      volumes.delete(name)
    },
    path: async ({ name }) => {
      const { mountPoint } = shown(await Promise.resolve(find(name)))
      return mountPoint === undefined ? {} : { mountPoint }
    },
    mount: async ({ name, id }) => {
      ;(await Promise.resolve(find(name))).ids.add(id)
      return { mountPoint: `/mnt/acs/${name}` }
    },
    unmount: async ({ name, id }) => void (await Promise.resolve(find(name))).ids.delete(id),
  }
  const used = { ...own, ...instead }
  return {
    asked,
    calls,
    volumes,
    capabilities: () => used.capabilities(),
    create: (request, call) => used.create(keep('create', request, call), call),
    get: (request, call) => used.get(keep('get', request, call), call),
    list: (call) => {
      keep('list', {}, call)
      return used.list(call)
    },
    remove: (request, call) => used.remove(keep('remove', request, call), call),
    path: (request, call) => used.path(keep('path', request, call), call),
    mount: (request, call) => used.mount(keep('mount', request, call), call),
    unmount: (request, call) => used.unmount(keep('unmount', request, call), call),
  }
}

function shown({ ids, ...volume }: DriverVolume & { ids: Set<string> }): DriverVolume {
  return ids.size > 0 ? { ...volume, mountPoint: `/mnt/acs/${volume.name}` } : volume
}
