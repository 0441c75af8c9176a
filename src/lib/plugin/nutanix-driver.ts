import { AcsError, messageOf } from '../base/errors.js'
import { formatSize } from '../base/sizes.js'
import type { VolumeGroup } from '../prism/prism.js'
import { printable } from '../volume/names.js'
import { CannotTell, type Call, type DriverVolume, type VolumeDriver } from './driver.js'
import type { HostVolumes } from './host-volumes.js'
import type { KnownVolume, KnownVolumes } from './known-volumes.js'
import type { Usage } from './usage.js'
import { within } from './within.js'

/** How long a `Get` of an unknown name may ask the cluster, of the minute that Docker gives it. */
const lookUpMs = 20_000

export interface NutanixDriverOptions {
  known: KnownVolumes
  volumes: HostVolumes
  usage: Usage
  /** Whether a list shows the volume; a `get` by name finds it all the same. */
  isShown: (volume: KnownVolume) => boolean
  /** Makes the volume, or takes up the one of that name. Idempotent. */
  ensure: (request: { name: string; options: Readonly<Record<string, string>> }, call: Call) => Promise<VolumeGroup>
  /** Removes by the volume's policy. */
  remove: (volume: KnownVolume, call: Call) => Promise<void>
  /** The volume's own name in what Docker calls it: `db` of `db,size=20G`. */
  ownName: (name: string) => string
}

/** Nutanix volume groups as Docker volumes: what a call means, with everything that works injected. */
export function createNutanixDriver(options: NutanixDriverOptions): VolumeDriver {
  const { known, volumes, usage, ownName } = options

  /** Known, or found by asking. Throws EACSNOTFOUND; CannotTell when nobody can say. */
  async function find(name: string, call: Call): Promise<KnownVolume> {
    const found = known.get(ownName(name))
    if (found) return found
    try {
      await within(call.deadline.atMost(lookUpMs), 'looking the volume up', known.refresh())
    } catch (error) {
      call.log.warn({ error: messageOf(error) }, 'the cluster cannot say whether the volume exists')
      throw new CannotTell(`whether volume "${printable(name)}" exists cannot be told now: ${messageOf(error)}`)
    }
    const now = known.get(ownName(name))
    if (now) return now
    throw new AcsError('not-found', 'EACSNOTFOUND', `there is no volume "${printable(ownName(name))}"`, {
      hints: [`Create it: docker volume create -d nutanix ${printable(ownName(name))}`],
      details: { name },
    })
  }

  /** For a call that changes something: what cannot be told is an error like any other. */
  async function findForChange(name: string, call: Call): Promise<KnownVolume> {
    try {
      return await find(name, call)
    } catch (error) {
      if (!(error instanceof CannotTell)) throw error
      throw new AcsError('timeout', 'EACSUNREACHABLE', error.message, { cause: error, hints: ['acs doctor'] })
    }
  }

  function shown(name: string, volume: KnownVolume): DriverVolume {
    const references = volumes.byUuid(volume.uuid)
    const mounted = references && references.ids.length > 0
    return {
      name,
      ...(mounted ? { mountPoint: references.mountPoint } : {}),
      status: statusOf(volume, references?.ids.length ?? 0),
    }
  }

  function statusOf(volume: KnownVolume, users: number): Record<string, unknown> {
    const used = usage.of(volume.uuid)
    return {
      uuid: volume.uuid,
      size: formatSize(volume.sizeBytes),
      ...(used ? { used: formatSize(used.usedBytes), available: formatSize(used.availableBytes) } : {}),
      ...(volume.filesystem === undefined ? {} : { filesystem: volume.filesystem }),
      holder: volume.holder ?? null,
      ...(volume.since === undefined ? {} : { since: volume.since }),
      mounts: users,
      ...(volumes.isLost(volume.uuid) ? { lost: true } : {}),
      target: volume.target,
      managed: volume.ours,
      asOf: known.refreshedAt?.toISOString() ?? null,
    }
  }

  return {
    capabilities: () => ({ scope: 'global' }),

    async create(request, call) {
      const group = await options.ensure(request, call)
      known.learn(group)
    },

    async get({ name }, call) {
      return shown(name, await find(name, call))
    },

    // eslint-disable-next-line @typescript-eslint/require-await -- the interface is for drivers that must ask
    async list() {
      return known
        .all()
        .filter((volume) => options.isShown(volume) || volumes.byUuid(volume.uuid) !== undefined)
        .map((volume) => shown(volume.name, volume))
    },

    async path({ name }, call) {
      const { mountPoint } = shown(name, await find(name, call))
      return mountPoint === undefined ? {} : { mountPoint }
    },

    async mount({ name, id }, call) {
      const volume = await findForChange(name, call)
      return volumes.mount(volume, id, call)
    },

    async unmount({ name, id }, call) {
      await volumes.unmount(ownName(name), id, call)
    },

    async remove({ name }, call) {
      const volume = await findForChange(name, call)
      const { state } = await volumes.letGo(volume.uuid, call.deadline)
      if (state === 'in-use')
        throw new AcsError('conflict', 'EACSINUSE', `volume "${printable(volume.name)}" is in use on this host`, {
          hints: [`See by whom: docker ps -a --filter volume=${printable(name)}`],
          details: { uuid: volume.uuid },
        })
      await options.remove(volume, call)
      known.forget(volume.uuid)
    },
  }
}
