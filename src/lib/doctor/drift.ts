import { isAcsError } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import type { InitiatorKind } from '../host/host.js'
import { parsePortal } from '../host/iscsi/portal.js'
import type { VolumeContext } from '../volume/context.js'
import { initiatorsOf, sameInitiator } from '../volume/holder.js'
import { targetName } from '../volume/target-name.js'
import { asVolume, type Volume } from '../volume/volume.js'
import type { DoctorContext } from './context.js'
import type { Facts } from './facts.js'
import type { ClusterFacts } from './known-cluster.js'
import { keptUuids } from './ours.js'

/** This machine and the cluster side by side. */
export interface Drift {
  context: DoctorContext
  facts: Facts
  cluster: ClusterFacts
  /** Volumes that this machine has to do with, by UUID, each read by itself: a list may leave out initiators. */
  concerned: ReadonlyMap<string, Volume>
}

/** Reads anew what concerns this machine. Throws what the cluster says. */
export async function compare(
  context: DoctorContext,
  facts: Facts,
  cluster: ClusterFacts,
  deadline: Deadline,
): Promise<Drift> {
  const kept = await Promise.all((['attached', 'chap'] as const).map((each) => keptUuids(context.stateFolder, each)))
  const uuids = new Set([
    ...facts.references.kept.map(({ uuid }) => uuid),
    ...facts.journals.map(({ uuid }) => uuid),
    ...kept.flat(),
  ])
  const targets = new Set(facts.disks.map((disk) => disk.targetName))
  const chosen = cluster.volumes.filter(
    (volume) => uuids.has(volume.group.uuid) || targets.has(targetName(volume.group)) || names(volume, facts),
  )
  const read = await Promise.all(chosen.map(({ group }) => readVolume(cluster, group.uuid, deadline)))
  const found = read.flatMap((volume) => volume ?? [])
  return { context, facts, cluster, concerned: new Map(found.map((volume) => [volume.group.uuid, volume])) }
}

/** The volume of a target; undefined when the cluster has none. */
export function volumeOfTarget(drift: Drift, target: string): Volume | undefined {
  return [...drift.concerned.values()].find((volume) => hasTarget(volume, target))
}

export function hasTarget(volume: Volume, target: string): boolean {
  return targetName(volume.group) === target
}

/** Whether one of this machine's initiators is on the volume's list. */
export function isAllowed(volume: Volume, initiatorNames: readonly string[]): boolean {
  return initiatorsOf(volume).some((initiator) => initiatorNames.some((name) => sameInitiator(initiator, name)))
}

/** Whether a session goes to this cluster: another portal is another cluster's, or an address that was changed. */
export function isOfThisCluster(drift: Drift, portal: string | undefined): boolean {
  const { portal: ours } = drift.cluster
  if (portal === undefined || ours === undefined) return false
  return parsePortal(portal).host === parsePortal(ours).host
}

/** What the volume services need for a fix. */
export function volumeContext(
  drift: Drift,
  deadline: Deadline,
  initiator: InitiatorKind | 'auto' = 'auto',
): VolumeContext {
  const { context, cluster } = drift
  const { prism, dataServices } = cluster.access
  return {
    prism,
    host: context.host,
    stateFolder: context.stateFolder,
    deadline,
    initiator,
    ...(dataServices === undefined ? {} : { dataServices }),
  }
}

function names(volume: Volume, facts: Facts): boolean {
  const { h } = volume.trailer ?? {}
  if (h?.n === facts.identity.hostName) return true
  return isAllowed(volume, facts.initiatorNames) || facts.initiatorNames.some((name) => sameInitiator(h?.i, name))
}

async function readVolume(cluster: ClusterFacts, uuid: string, deadline: Deadline): Promise<Volume | undefined> {
  try {
    return asVolume(await cluster.access.prism.volumeGroup(uuid, { deadline }))
  } catch (error) {
    if (isAcsError(error, 'EACSNOTFOUND')) return undefined
    throw error
  }
}
