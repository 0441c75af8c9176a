import { together } from '../base/together.js'
import type { AttachedDisk, DeviceContent, Initiator, MountEntry } from '../host/host.js'
import { rememberedHolds } from './attach-record.js'
import type { Me, VolumeContext } from './context.js'
import { holdOf, initiatorsOf, sameInitiator, type Hold } from './holder.js'
import type { Journal } from './journal.js'
import { defaultMountPoint } from './mount-point.js'
import type { Content, Observed } from './plan.js'
import { targetName } from './target-name.js'
import type { Trailer } from './trailer.js'
import { readVolume } from './find.js'
import { headOf, type Volume } from './volume.js'

/** What was found, with the evidence behind the planner's words. */
export interface Finding {
  volume: Volume
  hold: Hold
  disk?: AttachedDisk
  mounts: MountEntry[]
  content?: DeviceContent
  observed: Observed
}

/**
 * Looks at this machine for a volume that was just read from the cluster. On request (`probe`), at the cluster once more and
 * at the device itself, which takes a while and needs it attached.
 */
export async function observe(
  context: VolumeContext,
  who: { me: Me; initiator: Initiator },
  journal: Pick<Journal, 'facts'>,
  request: { volume: Volume; mountPoint: string; probe: false | { justAttached: boolean } },
): Promise<Finding> {
  const { host, deadline, stateFolder } = context
  const { probe } = request
  const { uuid } = request.volume.group
  const disk = await findDisk(request.volume, who.initiator, context)
  const [volume, content, remembered, allMounts] = await together([
    probe ? readVolume(context, uuid) : Promise.resolve(request.volume),
    disk && probe
      ? host.deviceContent(disk.devicePath, deadline, { fresh: probe.justAttached })
      : Promise.resolve(undefined),
    rememberedHolds(stateFolder, uuid),
    host.mounts(),
  ])
  const hold = holdOf(volume, who.me, remembered)
  const mounts = allMounts.filter((mount) =>
    disk
      ? mount.deviceNumber === disk.deviceNumber
      : // Its disk is gone, for instance after a crash of the initiator; only the place says whose mount it was.
        mount.mountPoint === defaultMountPoint(volume),
  )
  return {
    volume,
    hold,
    mounts,
    ...(disk ? { disk } : {}),
    ...(content ? { content } : {}),
    observed: {
      hold: holdWord(hold),
      disk: disk ? 'present' : 'absent',
      cutOff: disk !== undefined && !isAllowed(volume, who.me),
      mount: mountState(mounts, request.mountPoint),
      token: tokenState(volume, journal),
      content: content ? classifyContent(content, volume.trailer) : 'unknown',
      ownerPending: journal.facts.ownerPending === true,
    },
  }
}

/** The volume's disk 0 on this machine, by its target and LUN. */
export async function findDisk(
  volume: Volume,
  initiator: Initiator,
  context: VolumeContext,
): Promise<AttachedDisk | undefined> {
  const target = targetName(volume.group)
  const attached = await initiator.attached(context.deadline)
  return attached.find((disk) => disk.targetName === target && disk.lun === 0)
}

function holdWord(hold: Hold): Observed['hold'] {
  if (hold.kind === 'vm' || hold.kind === 'lookalike') return 'other'
  return hold.kind === 'mine' && hold.opening ? 'opening' : hold.kind
}

function isAllowed(volume: Volume, me: Me): boolean {
  return initiatorsOf(volume).some((initiator) => sameInitiator(initiator, me.initiatorName))
}

function mountState(mounts: readonly MountEntry[], mountPoint: string): Observed['mount'] {
  if (mounts.some((mount) => mount.mountPoint === mountPoint)) return 'here'
  return mounts.length > 0 ? 'elsewhere' : 'none'
}

/** A token made for another group (the cluster copied its description into a clone) permits nothing. */
export function tokenState(volume: Volume, journal: Pick<Journal, 'facts'>): Observed['token'] {
  const token = volume.trailer?.fmt
  if (!token || !tokenIsFor(volume.group.uuid, token.t)) return 'none'
  if (token.u === undefined) return 'fresh'
  const proof = journal.facts.format
  return proof?.token === token.t && proof.fsUuid === token.u ? 'started-here' : 'started-elsewhere'
}

/** A token starts with the head of the UUID of the group it was made for. */
export function tokenIsFor(uuid: string, token: string): boolean {
  return token.startsWith(`${headOf(uuid)}-`)
}

const mountable = ['ext4', 'xfs', 'btrfs']

/** What the tools saw on the device, as the planner counts it. */
export function classifyContent(content: DeviceContent, trailer: Trailer | undefined): Content {
  if (content.state === 'blank') return 'blank'
  // host/content.ts: bytes that no tool has a name for.
  if (content.state === 'data') return content.what === 'unknown data' ? 'unsigned' : 'foreign'
  const expected = trailer?.fs === undefined ? mountable.includes(content.type) : content.type === trailer.fs
  if (!expected) return 'foreign'
  const half = trailer?.fmt?.u
  return half !== undefined && content.uuid?.toLowerCase() === half.toLowerCase() ? 'half-made' : 'expected'
}
