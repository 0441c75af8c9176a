import { deadlineIn, type Deadline } from '../../base/deadline.js'
import type { AttachedDisk, Initiator } from '../../host/host.js'
import { failureOf } from '../error-text.js'
import type { HostVolumes } from '../host-volumes.js'
import type { KnownVolumes } from '../known-volumes.js'
import { formatHostPort, type HostPort } from '../peer/address.js'
import type { PluginSettings } from '../settings.js'
import type { Usage } from '../usage.js'
import { within } from '../within.js'
import type { PrismContact } from './prism-contact.js'
import type { DriverStatus, VolumeStatus } from './schema.js'

/** What the machine is asked for has this long; a look at it does no I/O to any disk, and should take milliseconds. */
const lookMs = 1_000

export interface DriverStatusOptions {
  settings: () => PluginSettings
  configFile: string
  stateFolder: string
  known: KnownVolumes
  volumes: HostVolumes
  usage: Usage
  contact: PrismContact
  endpoint: () => Promise<HostPort>
  initiator: (deadline: Deadline) => Promise<Initiator>
  /** Where other hosts ask; undefined until the plugin listens for them. */
  peerAddress: () => string | undefined
}

/** What the driver tells of itself now: from memory and the kernel's tables. What does not answer in time is null. */
export async function driverStatus(options: DriverStatusOptions): Promise<DriverStatus> {
  const { known, volumes, contact } = options
  const [endpoint, machine] = await Promise.all([
    soon('looking for the endpoint', options.endpoint()),
    soon('looking at the disks', look(options)),
  ])
  const { refreshedAt, lastError } = known
  return {
    prism: { ...contact.status(), endpoint: endpoint ? formatHostPort(endpoint) : null },
    cache: {
      volumes: known.all().length,
      refreshedAt: refreshedAt?.toISOString() ?? null,
      lastError: lastError ? { ...failureOf(lastError.error), at: lastError.at.toISOString() } : null,
    },
    initiator: machine?.initiator ?? null,
    initiatorError: machine?.error ?? null,
    sessions: machine?.initiator ? machine.disks.length : null,
    // Its fingerprint is for other plugins.
    peerAddress: options.peerAddress()?.split('#')[0] ?? null,
    volumes: volumes
      .all()
      .map((references) => volumeStatus(references, options, machine?.disks ?? []))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    settings: shownSettings(options),
  }
}

interface Look {
  initiator: DriverStatus['initiator']
  error: DriverStatus['initiatorError']
  disks: readonly AttachedDisk[]
}

async function look({ initiator }: DriverStatusOptions): Promise<Look> {
  try {
    // The first look for an initiator starts processes; it goes on when the status does not wait for it.
    const chosen = await initiator(deadlineIn(60_000))
    const [name, disks] = await Promise.all([chosen.name(), chosen.attached(deadlineIn(lookMs))])
    return { initiator: { kind: chosen.kind, name }, error: null, disks }
  } catch (error) {
    return { initiator: null, error: failureOf(error), disks: [] }
  }
}

function volumeStatus(
  references: ReturnType<HostVolumes['all']>[number],
  { volumes, known, usage }: DriverStatusOptions,
  disks: readonly AttachedDisk[],
): VolumeStatus {
  const { uuid, name, mountPoint, ids, target, byHand = false } = references
  const disk = disks.find(({ targetName, lun }) => targetName === target && lun === 0)
  const told = known.get(name)
  const full = usage.of(uuid)
  const state = volumes.state(uuid)
  return {
    name,
    uuid,
    state,
    mountPoint,
    device: disk?.devicePath ?? null,
    deviceNumber: disk?.deviceNumber ?? null,
    filesystem: told?.filesystem ?? null,
    sizeBytes: told?.sizeBytes ?? disk?.sizeBytes ?? null,
    usedBytes: full?.usedBytes ?? null,
    availableBytes: full?.availableBytes ?? null,
    callers: ids.map(({ id, at }) => ({ id, since: at })),
    lingersUntil: volumes.lingersUntil(uuid)?.toISOString() ?? null,
    byHand,
  }
}

function shownSettings({ settings, configFile, stateFolder }: DriverStatusOptions): DriverStatus['settings'] {
  const { mountFolder, lingerMs, takeOver, peer, show, keepTrashMs, metrics, dockerSocket, logLevel } = settings()
  return {
    configFile,
    stateFolder,
    mountFolder,
    lingerMs,
    takeOver,
    peerListen: peer.listen,
    show,
    keepTrashMs,
    metrics: metrics ?? null,
    dockerSocket,
    logLevel,
  }
}

/** The result where it comes in time; a status must not wait for what is broken. */
async function soon<T>(doing: string, work: Promise<T>): Promise<T | undefined> {
  return within(deadlineIn(lookMs), doing, work).catch(() => undefined)
}
