import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import { formatSize } from '../base/sizes.js'
import type { VolumeGroup } from '../prism/prism.js'
import { duplicateName } from '../volume/find.js'
import { printable } from '../volume/names.js'
import { CannotTell, type Call, type DriverVolume, type VolumeDriver } from './driver.js'
import type { HostVolumes } from './host-volumes.js'
import type { KnownVolume, KnownVolumes } from './known-volumes.js'
import type { Spellings } from './spellings.js'
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
  spellings: Spellings
}

/** Nutanix volume groups as Docker volumes: what a call means, with everything that works injected. */
export function createNutanixDriver(options: NutanixDriverOptions): VolumeDriver {
  const { known, volumes, usage, ownName, spellings } = options

  /**
   * In use here under that name, whatever the group is called by now, as dockerd must find it to unmount it; or known, or
   * found by asking. Throws EACSNOTFOUND; CannotTell when nobody can say.
   */
  async function find(name: string, call: Call): Promise<KnownVolume> {
    const found = used(ownName(name)) ?? known.get(ownName(name))
    if (found) return found
    try {
      await lookAgain(call)
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

  function used(name: string): KnownVolume | undefined {
    const references = volumes.byName(name)
    if (!references || references.ids.length === 0) return undefined
    const { uuid, target } = references
    return { uuid, target, ...known.byUuid(uuid), name }
  }

  const lookAgain = (call: Call): Promise<void> =>
    within(call.deadline.atMost(lookUpMs), 'looking the volume up', known.refresh())

  /** For a call that changes something: what cannot be told is an error like any other, and so are several of one name. */
  async function findForChange(name: string, call: Call): Promise<KnownVolume> {
    try {
      const volume = await find(name, call)
      const named = known.named(ownName(name))
      if (named.length > 1 && !used(ownName(name))) throw severalNamed(ownName(name), named)
      return volume
    } catch (error) {
      if (!(error instanceof CannotTell)) throw error
      throw new AcsError('timeout', 'EACSUNREACHABLE', error.message, { cause: error, hints: ['acs doctor'] })
    }
  }

  /**
   * Does something to the volume of that name. What is known may be half a minute old: where the group has another name
   * by now, as after the restore of a snapshot, or is gone, the cluster says which one is meant.
   */
  async function change<T>(name: string, call: Call, work: (volume: KnownVolume) => Promise<T>): Promise<T> {
    const volume = await findForChange(name, call)
    try {
      return await work(volume)
    } catch (error) {
      if (!isAcsError(error, 'EACSRENAMED') && !isAcsError(error, 'EACSNOTFOUND')) throw error
      await lookAgain(call)
      const now = await findForChange(name, call)
      if (now.uuid === volume.uuid) throw error
      return work(now)
    }
  }

  function shown(name: string, volume: KnownVolume): DriverVolume {
    const users = volumes.byUuid(volume.uuid)?.ids.length ?? 0
    const mountPoint = placeOf(volume)
    const status = statusOf(volume, users)
    return mountPoint === undefined ? { name, status } : { name, mountPoint, status }
  }

  function placeOf({ uuid }: KnownVolume): string | undefined {
    const references = volumes.byUuid(uuid)
    return references && references.ids.length > 0 ? references.mountPoint : undefined
  }

  /**
   * As a list shows it; the same object while nothing of it changes. dockerd reads no more of a list than names and places:
   * 5,000 whole statuses were 1.6 MB on its socket, and garbage.
   */
  function listed(name: string, volume: KnownVolume): DriverVolume {
    const mountPoint = placeOf(volume)
    const before = lastListed.get(volume)
    if (before?.name === name && before.mountPoint === mountPoint && before.status === listStatus) return before
    const now: DriverVolume = { name, ...(mountPoint === undefined ? {} : { mountPoint }), status: listStatus }
    lastListed.set(volume, now)
    return now
  }

  const lastListed = new WeakMap<KnownVolume, DriverVolume>()
  /** Of every volume in a list. */
  let listStatus: { asOf: string | null } = { asOf: null }
  const asOf = (): string | null => known.refreshedAt?.toISOString() ?? null

  function statusOf(volume: KnownVolume, users: number): Record<string, unknown> {
    const used = usage.of(volume.uuid)
    return {
      uuid: volume.uuid,
      ...(volume.sizeBytes === undefined ? {} : { size: formatSize(volume.sizeBytes) }),
      ...(used ? { used: formatSize(used.usedBytes), available: formatSize(used.availableBytes) } : {}),
      ...(volume.filesystem === undefined ? {} : { filesystem: volume.filesystem }),
      holder: volume.holder ?? null,
      ...(volume.since === undefined ? {} : { since: volume.since }),
      mounts: users,
      ...(volumes.isLost(volume.uuid) ? { lost: true } : {}),
      target: volume.target,
      ...(volume.ours === undefined ? {} : { managed: volume.ours }),
      asOf: asOf(),
    }
  }

  return {
    capabilities: () => ({ scope: 'global' }),

    async create(request, call) {
      const group = await options.ensure(request, call)
      known.learn(group)
      await spellings.learn(group, request.name)
    },

    async get({ name }, call) {
      return shown(name, await find(name, call))
    },

    // eslint-disable-next-line @typescript-eslint/require-await -- the interface is for drivers that must ask
    async list() {
      if (listStatus.asOf !== asOf()) listStatus = { asOf: asOf() }
      const all: DriverVolume[] = []
      for (const volume of known.firsts())
        if (options.isShown(volume) || volumes.byUuid(volume.uuid)) addTo(all, volume)
      // In use under a name that the group does not have any more.
      for (const { name } of volumes.all()) {
        const volume = known.get(name) ? undefined : used(name)
        if (volume) addTo(all, volume)
      }
      return all
    },

    async path({ name }, call) {
      const { mountPoint } = shown(name, await find(name, call))
      return mountPoint === undefined ? {} : { mountPoint }
    },

    mount: ({ name, id }, call) =>
      change(name, call, async (volume) => {
        const place = await volumes.mount(volume, id, call)
        await spellings.learn(volume, name)
        return place
      }),

    async unmount({ name, id }, call) {
      await volumes.unmount(ownName(name), id, call)
    },

    remove: ({ name }, call) =>
      change(name, call, async (volume) => {
        if (await isOneNameOfSeveral(volume, name, call)) return
        const { state } = await volumes.letGo(volume.uuid, call.deadline)
        if (state === 'in-use')
          throw new AcsError('conflict', 'EACSINUSE', `volume "${printable(volume.name)}" is in use on this host`, {
            hints: [`See by whom: docker ps -a --filter volume=${printable(name)}`],
            details: { uuid: volume.uuid },
          })
        await options.remove(volume, call)
        known.forget(volume.uuid)
        await spellings.forget(volume.uuid, name)
      }),
  }

  /**
   * As Docker on this host calls it. Not the volume's own name beside a longer one: Docker would take it for another volume
   * that no container has (`docker volume ls --filter dangling=true`), and it is the one to be removed then.
   */
  function addTo(list: DriverVolume[], volume: KnownVolume): void {
    const spelled = spellings.of(volume)
    if (spelled.length === 0) list.push(listed(volume.name, volume))
    for (const name of spelled) list.push(listed(name, volume))
  }

  /**
   * A volume goes with the last of its names, as a file does: Docker, which refuses to remove what a stopped container
   * uses, knows of the container by one of them only. Throws EACSINUSE for a name that Docker here never used.
   */
  async function isOneNameOfSeveral(volume: KnownVolume, name: string, call: Call): Promise<boolean> {
    const names = spellings.of(volume)
    const others = names.filter((each) => each !== name)
    if (others.length === 0) return false
    const shownOthers = others.map((each) => `"${printable(each)}"`).join(' and ')
    if (!names.includes(name))
      throw new AcsError(
        'conflict',
        'EACSINUSE',
        `volume "${printable(name)}" is ${shownOthers} to Docker on this host, and its containers know it by that name`,
        { hints: others.map((each) => `docker volume rm ${printable(each)}`), details: { uuid: volume.uuid } },
      )
    await spellings.forget(volume.uuid, name)
    call.log.info({ volume: volume.name, others }, 'only a name was removed: Docker here knows the volume by another')
    return true
  }
}

function severalNamed(name: string, named: readonly KnownVolume[]): AcsError {
  const { kind, code, message, details } = duplicateName(name, named)
  return new AcsError(kind, code, message, { hints: ['Rename all but one of them in Prism'], details })
}
