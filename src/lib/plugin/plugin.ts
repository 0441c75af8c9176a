import { deadlineIn, type Deadline } from '../base/deadline.js'
import { messageOf } from '../base/errors.js'
import type { HostMachine, InitiatorKind } from '../host/host.js'
import type { Prism } from '../prism/prism.js'
import type { Checkpoint } from '../volume/checkpoint.js'
import type { VolumeContext } from '../volume/context.js'
import type { PluginLog, VolumeDriver } from './driver.js'
import { containersNaming, containersUsing } from './containers-using.js'
import { dockerApi } from './docker-api.js'
import { canonicalName } from '../volume/inline-name.js'
import { createHandOver } from './hand-over.js'
import { openHostVolumes, type HostVolumes } from './host-volumes.js'
import { openKnownVolumes } from './known-volumes.js'
import type { HostPort } from './peer/address.js'
import { createKeyedLocks } from './locks.js'
import { createNutanixDriver } from './nutanix-driver.js'
import { withOneInitiator } from './one-initiator.js'
import type { DriverGauges, PluginMetrics } from './plugin-metrics.js'
import type { PluginSettings } from './settings.js'
import { openSpellings } from './spellings.js'
import { introduceToSwarm } from './swarm-introduction.js'
import { createStaleReferences } from './stale-references.js'
import { driverStatus } from './status/driver-status.js'
import { createPrismContact, type PrismContact } from './status/prism-contact.js'
import type { DriverStatus } from './status/schema.js'
import { createUsage } from './usage.js'
import { checkHeldVolumes, repeat } from './watch.js'

export interface PluginOptions {
  /** The driver's name in Docker, where Docker finds it by a socket of that name. */
  driverName?: string
  settings: PluginSettings
  /** Where the settings are from. */
  configFile: string
  stateFolder: string
  /** Connects on first use; a failure is tried again with the next call. */
  openPrism: () => Promise<Prism>
  host: HostMachine
  log: PluginLog
  metrics: Pick<PluginMetrics, 'retried' | 'journalReplayed'>
  dataServices?: string
  /** Host and port of Prism: the way there tells this host's own address. */
  towards: () => Promise<HostPort>
  /** Where new volumes go, when their options say nothing. */
  placement: () => Promise<{ storageContainer: string | undefined }>
  initiator?: VolumeContext['initiator']
  checkpoint?: Checkpoint
}

/** A running plugin's inside; the server speaks Docker's protocol with its driver. */
export interface Plugin {
  driver: VolumeDriver
  gauges: DriverGauges
  status(): Promise<DriverStatus>
  /** Takes on what may change while it runs: everything but the mount folder, Docker's socket and the addresses it listens on. */
  configure(settings: PluginSettings): void
  /** Detaches what only lingers, writes what is not written, ends the timers. */
  close(deadline: Deadline): Promise<void>
}

const watchMs = 3_000
const refreshMs = 30_000
const staleMs = 60_000
/** How long a node of a Swarm may be without the driver after Docker has started. */
const introduceMs = 30_000
/** How often what had its time in the trash is deleted. */
const pruneMs = 3_600_000

/** Puts the plugin together from this machine's state. Asks nothing of the cluster: that may be down. */
export async function createPlugin(options: PluginOptions): Promise<Plugin> {
  const { stateFolder, log, metrics } = options
  let { settings } = options
  const contact = createPrismContact()
  const prism = lazyPrism(options.openPrism, contact)
  const host = withOneInitiator(options.host)
  const context = ({ deadline, log: workLog }: { deadline: Deadline; log: PluginLog }): VolumeContext => ({
    prism,
    host,
    stateFolder,
    deadline,
    replayed: (result) => metrics.journalReplayed(result),
    report: ({ kind, message }) => (kind === 'warning' ? workLog.warn({}, message) : workLog.debug({ kind }, message)),
    ...(options.dataServices === undefined ? {} : { dataServices: options.dataServices }),
    ...(options.initiator === undefined ? {} : { initiator: options.initiator }),
    ...(handOver.address() === undefined ? {} : { pluginAddress: handOver.address() }),
    ...(options.checkpoint ? { checkpoint: options.checkpoint } : {}),
  })

  const docker = dockerApi(settings.dockerSocket)
  const spellings = await openSpellings(stateFolder, canonicalName)
  const users = containersUsing(docker, spellings)
  const naming = containersNaming(docker, spellings)
  const handOver = await createHandOver({
    settings: () => settings,
    stateFolder,
    context,
    containersUsing: users,
    log,
    towards: options.towards,
    // Asked for once the plugin is whole.
    volumes: (): HostVolumes => volumes,
  })

  const volumes = await openHostVolumes({
    stateFolder,
    mountFolder: settings.mountFolder,
    lingerMs: () => settings.lingerMs,
    locks: createKeyedLocks(),
    log,
    context,
    acquire: (...request) => handOver.acquire(...request),
    // Known once the plugin is whole, as the volumes are to the list.
    learn: (group) => known.learn(group),
    retried: () => metrics.retried('detach'),
  })
  const known = await openKnownVolumes({
    stateFolder,
    list: () => prism.volumeGroups({ deadline: deadlineIn(60_000) }),
    isKept: (uuid) => volumes.byUuid(uuid) !== undefined,
    warn: (error) => log.warn({ error: messageOf(error) }, 'could not keep the list of volumes'),
  })
  const usage = createUsage(host)
  const driver = createNutanixDriver({
    known,
    volumes,
    usage,
    isShown: (volume) => settings.show === 'all' || volume.ours === true,
    ownName: canonicalName,
    spellings,
    async ensure(request, call) {
      const { ensureVolume } = await import('../volume/ensure.js')
      const { storageContainer } = await options.placement().catch(() => ({ storageContainer: undefined }))
      const { volume, created } = await ensureVolume(context(call), {
        ...request,
        policy: settings.volumes,
        ...(storageContainer === undefined ? {} : { container: storageContainer }),
      })
      call.log.info({ uuid: volume.group.uuid, created }, created ? 'created' : 'there already')
      return volume.group
    },
    async remove(volume, call) {
      const { removeVolume } = await import('../volume/remove.js')
      const { uuid, name } = volume
      const { outcome } = await removeVolume(context(call), { volume: uuid, name, keepMs: settings.keepTrashMs })
      call.log.info({ uuid, outcome }, 'removed')
    },
  })

  void sweep(host, options.initiator ?? 'auto', log)
  void handOver.listen()
  volumes.settle()
  const refresh = async (): Promise<void> => {
    await known.refresh()
    const there = new Set(known.all().map(({ uuid }) => uuid))
    await spellings.keepOnly((uuid) => there.has(uuid))
  }
  void refresh().catch((error: unknown) => log.warn({ error: messageOf(error) }, 'the cluster does not answer yet'))
  const every = (ms: number, level: 'debug' | 'warn', failed: string, work: () => Promise<void>): (() => void) =>
    repeat(ms, work, (error) => log[level]({ error: messageOf(error) }, failed))
  const stops = [
    every(watchMs, 'debug', 'could not look after the volumes in use', async () => {
      await checkHeldVolumes({ volumes, known, context, log })
      await usage.measure(volumes.all().filter(({ uuid, ids }) => ids.length > 0 && !volumes.isLost(uuid)))
    }),
    every(refreshMs, 'warn', 'the list of volumes could not be refreshed', refresh),
    every(pruneMs, 'warn', 'the trash could not be emptied', async () => {
      const { pruneTrash } = await import('../volume/prune.js')
      const { deleted } = await pruneTrash(context({ deadline: deadlineIn(pruneMs), log }))
      if (deleted.length > 0) log.info({ volumes: deleted.map(({ group }) => group.name) }, 'emptied the trash')
    }),
    every(
      staleMs,
      'debug',
      'could not look for callers that are gone',
      createStaleReferences({ volumes, log, containersNaming: (volume) => naming(volume, deadlineIn(5_000)) }),
    ),
  ]
  const { driverName } = options
  if (driverName !== undefined)
    stops.push(
      every(introduceMs, 'debug', 'cannot tell whether Swarm knows the driver', async () => {
        if (await introduceToSwarm(docker, driverName, deadlineIn(introduceMs)))
          log.info({ plugin: driverName }, 'Docker knows the driver now, and so does Swarm')
      }),
    )

  return {
    driver,
    gauges: {
      volumes: () => known.all().length,
      references: () => volumes.all().reduce((sum, { ids }) => sum + ids.length, 0),
      sessions: async () => {
        const deadline = deadlineIn(5_000)
        return (await (await host.initiator(options.initiator ?? 'auto', deadline)).attached(deadline)).length
      },
      cacheAge: () => (known.refreshedAt ? (Date.now() - known.refreshedAt.getTime()) / 1000 : Infinity),
    },
    status: () =>
      driverStatus({
        settings: () => settings,
        configFile: options.configFile,
        stateFolder,
        known,
        volumes,
        usage,
        contact,
        endpoint: options.towards,
        initiator: (deadline) => host.initiator(options.initiator ?? 'auto', deadline),
        peerAddress: () => handOver.address(),
      }),
    configure(next) {
      const { mountFolder, dockerSocket, peer, metrics } = settings
      settings = { ...next, mountFolder, dockerSocket, peer, metrics }
    },
    async close(deadline) {
      for (const stop of stops) stop()
      volumes.stop()
      await handOver.close()
      await volumes.letGoOfAll(deadline)
      await known.flush()
    },
  }
}

/** Half-done attaches of a process that died. */
async function sweep(host: HostMachine, kind: InitiatorKind | 'auto', log: PluginLog): Promise<void> {
  const deadline = deadlineIn(120_000)
  try {
    const initiator = await host.initiator(kind, deadline)
    for (const removed of await initiator.sweep(deadline)) log.warn({ removed }, 'removed a leftover')
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'could not look for leftovers')
  }
}

/** A cluster that is connected to with the first call, and again after a connection that could not be set up. */
function lazyPrism(open: () => Promise<Prism>, contact: PrismContact): Prism {
  let opened: Promise<Prism> | undefined
  const opening = (): Promise<Prism> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  // Every member but the version is a method that returns a promise, so that one handler serves them all.
  return new Proxy({} as Prism, {
    // No `then`: whatever awaits it must not take it for a promise.
    get: (_target, member: keyof Prism | 'then') =>
      member === 'then'
        ? undefined
        : member === 'apiVersion'
          ? 'v2.0'
          : (...args: unknown[]) =>
              contact.watch(
                opening().then((opened) => (opened[member] as (...args: unknown[]) => Promise<unknown>)(...args)),
              ),
  })
}
