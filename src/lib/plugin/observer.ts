import { deadlineIn, type Deadline } from '../base/deadline.js'
import { isAcsError, messageOf } from '../base/errors.js'
import { ratesBetween, readDiskCounters, type DiskCounters, type DiskRates } from '../host/disk-stats.js'
import type { DiskSession, HostMachine, Initiator } from '../host/host.js'
import type { HostRoots } from '../host/roots.js'
import {
  localDisks,
  type Activity,
  type LocalDisk,
  type PluginActivity,
  type VolumeActivity,
} from '../volume/activity.js'
import type { DockerApi } from './docker-api.js'
import { containersByVolume } from './status/containers.js'
import type { FoundPlugins } from './status/find.js'
import { healthOf } from './status/health.js'
import type { PluginStatus } from './status/schema.js'
import { createUsage } from './usage.js'

export interface ObserverOptions {
  host: Pick<HostMachine, 'mounts' | 'usage' | 'identity'>
  initiators: readonly Initiator[]
  roots: Pick<HostRoots, 'sysfs'>
  /** The plugins that run here. */
  find: (deadline: Deadline) => Promise<FoundPlugins>
  docker: (socket: string) => Pick<DockerApi, 'volumeMounts'>
}

/** Looks at this machine's volumes again and again, and tells what they did between two looks. */
export interface Observer {
  /**
   * What is at work now. Quick: what takes longer (containers' names, how full, whether a session is up) is looked at beside
   * it, and told at the next look. Throws EACSNOTROOT.
   */
  look(deadline: Deadline): Promise<Activity>
  /** Waits for what is being looked at beside. */
  settled(): Promise<void>
}

/** How often what takes longer is looked at. */
const slowEveryMs = 5_000
const slowMs = 3_000

/** What is looked at beside, as last seen. */
interface Aside {
  containers?: ReadonlyMap<string, string[]>
  sessions: readonly DiskSession[]
}

export function createObserver(options: ObserverOptions): Observer {
  const { host, initiators, roots } = options
  const usage = createUsage(host)
  let counters = new Map<string, DiskCounters>()
  let calls: { ended: number; atMs: number; pid: number } | undefined
  let aside: Aside = { sessions: [] }
  let asideAt = -Infinity
  let looking: Promise<void> | undefined

  function lookAside(status: PluginStatus | undefined, disks: readonly LocalDisk[]): void {
    if (looking || performance.now() - asideAt < slowEveryMs) return
    asideAt = performance.now()
    looking = seeAside(status, disks).finally(() => (looking = undefined))
  }

  async function seeAside(status: PluginStatus | undefined, disks: readonly LocalDisk[]): Promise<void> {
    const deadline = deadlineIn(slowMs)
    const socket = status?.driver?.settings.dockerSocket
    const [containers, sessions] = await Promise.all([
      socket === undefined ? undefined : containersByVolume(options.docker(socket), deadline),
      Promise.all(initiators.map((initiator) => initiator.sessions(deadline).catch((): DiskSession[] => []))),
      usage.measure(
        disks.flatMap(({ targetName, mount }) => (mount ? [{ uuid: targetName, mountPoint: mount.mountPoint }] : [])),
      ),
    ])
    aside = { ...(containers ? { containers } : {}), sessions: sessions.flat() }
  }

  /** Rates of every disk since the look before. */
  async function rates(numbers: readonly string[]): Promise<Map<string, DiskRates>> {
    const found = new Map<string, DiskRates>()
    const now = new Map<string, DiskCounters>()
    await Promise.all(
      [...new Set(numbers)].map(async (number) => {
        const after = await readDiskCounters(roots, number)
        if (!after) return
        now.set(number, after)
        const before = counters.get(number)
        const between = before && ratesBetween(before, after)
        if (between) found.set(number, between)
      }),
    )
    counters = now
    return found
  }

  function callRate({ pid, counts }: PluginStatus): number | null {
    const now = { ended: counts.calls, atMs: performance.now(), pid }
    const before = calls
    calls = now
    if (before?.pid !== pid || now.atMs <= before.atMs) return null
    return ((now.ended - before.ended) * 1000) / (now.atMs - before.atMs)
  }

  return {
    async look(deadline) {
      const at = new Date().toISOString()
      const problems: string[] = []
      const [status, disks, { hostName }] = await Promise.all([
        options
          .find(deadline)
          .then(({ plugin }) => plugin)
          .catch((error: unknown) => {
            if (!isAcsError(error) || error.kind === 'precondition' || error.kind === 'interrupted') throw error
            problems.push(error.message)
            return undefined
          }),
        localDisks(options, deadline).catch((error: unknown): LocalDisk[] => {
          if (isAcsError(error, 'EACSINTERRUPTED')) throw error
          problems.push(`this machine's disks cannot be seen: ${messageOf(error)}`)
          return []
        }),
        host.identity(),
      ])
      if (status) problems.push(...healthOf(status).problems)
      lookAside(status, disks)
      const numbers = [...disks.map((disk) => disk.deviceNumber), ...pluginDevices(status)]
      const found = await rates(numbers)
      const seen = { disks, rates: found, aside, used: (target: string) => usage.of(target) }
      return {
        at,
        hostName,
        plugin: status ? pluginActivity(status, callRate(status)) : null,
        volumes: [...pluginVolumes(status, seen), ...otherVolumes(status, seen)].sort((a, b) =>
          a.name < b.name ? -1 : 1,
        ),
        calls: (status?.calls ?? []).map(({ call, volume, step, since }) => ({ call, volume, step, since })),
        problems,
      }
    },
    settled: async () => {
      await looking
    },
  }
}

interface Seen {
  disks: readonly LocalDisk[]
  rates: ReadonlyMap<string, DiskRates>
  aside: Aside
  used: (target: string) => { usedBytes: number; availableBytes: number } | undefined
}

function pluginDevices(status: PluginStatus | undefined): string[] {
  return (status?.driver?.volumes ?? []).flatMap(({ deviceNumber }) => deviceNumber ?? [])
}

function pluginActivity(status: PluginStatus, callsPerSecond: number | null): PluginActivity {
  const { name, version, state, pid, since, counts, driver } = status
  return {
    name,
    version,
    state,
    pid,
    since,
    cluster: driver && {
      endpoint: driver.prism.endpoint,
      state: driver.prism.state,
      answeredAt: driver.prism.answeredAt,
    },
    knownVolumes: driver?.cache.volumes ?? null,
    listRefreshedAt: driver?.cache.refreshedAt ?? null,
    callsEnded: counts.calls,
    callsFailed: counts.failed,
    callsPerSecond,
  }
}

function pluginVolumes(status: PluginStatus | undefined, { disks, rates, aside }: Seen): VolumeActivity[] {
  return (status?.driver?.volumes ?? []).map((volume) => {
    const { name, uuid, state, mountPoint, device, deviceNumber, filesystem, sizeBytes, lingersUntil } = volume
    const disk = disks.find((each) => each.deviceNumber === deviceNumber)
    return {
      name,
      uuid,
      state,
      session: sessionOf(disk, aside),
      containers: aside.containers ? (aside.containers.get(name) ?? []) : null,
      mountPoint,
      device,
      filesystem: filesystem ?? disk?.mount?.filesystem ?? null,
      sizeBytes,
      ...fullness(volume),
      rates: (deviceNumber === null ? undefined : rates.get(deviceNumber)) ?? null,
      lingersUntil,
      byPlugin: true,
    }
  })
}

/** What was attached by hand, and everything where no plugin runs. */
function otherVolumes(status: PluginStatus | undefined, { disks, rates, aside, used }: Seen): VolumeActivity[] {
  const known = new Set(pluginDevices(status))
  return disks
    .filter(({ deviceNumber }) => !known.has(deviceNumber))
    .map((disk) => {
      const { name, mount, devicePath, deviceNumber, sizeBytes, targetName } = disk
      return {
        name,
        uuid: null,
        state: mount ? 'mounted' : 'attached',
        session: sessionOf(disk, aside),
        containers: null,
        mountPoint: mount?.mountPoint ?? null,
        device: devicePath,
        filesystem: mount?.filesystem ?? null,
        sizeBytes,
        ...fullness(used(targetName)),
        rates: rates.get(deviceNumber) ?? null,
        lingersUntil: null,
        byPlugin: false,
      }
    })
}

/** As df: of what users may use, root's reserve left out. */
function fullness(
  of: { usedBytes: number | null; availableBytes: number | null } | undefined,
): Pick<VolumeActivity, 'usedBytes' | 'usedShare'> {
  const { usedBytes = null, availableBytes = null } = of ?? {}
  const total = (usedBytes ?? 0) + (availableBytes ?? 0)
  return {
    usedBytes,
    usedShare: usedBytes === null || availableBytes === null || total === 0 ? null : usedBytes / total,
  }
}

function sessionOf(disk: LocalDisk | undefined, { sessions }: Aside): DiskSession['state'] | null {
  if (!disk) return null
  return sessions.find(({ targetName, lun }) => targetName === disk.targetName && lun === disk.lun)?.state ?? null
}
