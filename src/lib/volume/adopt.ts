import { AcsError } from '../base/errors.js'
import { formatSize } from '../base/sizes.js'
import type { FilesystemType } from '../host/host.js'
import { changeVolume, withRecord, without } from './change.js'
import { note, type VolumeContext } from './context.js'
import { findVolume } from './find.js'
import { heldElsewhere } from './holder.js'
import { printable } from './names.js'
import { refuseNewer } from './trailer.js'
import { refuseTrashed } from './usable.js'
import { diskAt, isOurs, nameOf, type Volume } from './volume.js'

const appearMs = 10_000

export interface AdoptRequest {
  /** What was asked for; what was not said fits whatever there is. */
  sizeBytes?: number
  filesystem?: FilesystemType
  dryRun?: boolean
}

/**
 * Takes up a group that is there, in place of creating one: acs's own, when it is what was asked for, or somebody
 * else's, like the old plugin's. Nothing is written to its disk, now or later: it has no permission to format, and its
 * filesystem is recognised at the first mount. The group stays as it is too, but for the mark that hides it from Docker.
 * Idempotent. Throws EACSEXISTS when it is too small, has another filesystem, or is a snapshot; EACSHELD while a virtual
 * machine has it; EACSNODISK; EACSNEWER.
 */
export async function adoptVolume(context: VolumeContext, uuid: string, request: AdoptRequest = {}): Promise<Volume> {
  const volume = await withDisks(context, await findVolume(context, uuid))
  checkAdoptable(volume, request)
  const whose = isOurs(volume) ? 'is there already' : 'is there already, made by someone else; acs never formats it'
  note(context, `volume ${nameOf(volume)} ${whose} (${formatSize(diskAt(volume).sizeBytes)})`)
  if (!volume.trailer?.hid || request.dryRun) return volume
  return changeVolume(context, uuid, (now) => {
    checkAdoptable(now, request)
    return now.trailer?.hid ? { description: withRecord(now, (trailer) => without(trailer, 'hid')) } : undefined
  })
}

/** The disks of a group that another host is just creating come a little later than the group. */
async function withDisks(context: VolumeContext, volume: Volume): Promise<Volume> {
  const until = Date.now() + appearMs
  let now = volume
  while (now.group.disks.length === 0 && isOurs(now) && Date.now() < until) {
    await context.deadline.sleep(100, `waiting for the disk of volume ${nameOf(now)}`)
    now = await findVolume(context, now.group.uuid)
  }
  return now
}

function checkAdoptable(volume: Volume, { sizeBytes = 0, filesystem }: AdoptRequest): void {
  const { group, trailer } = volume
  const name = printable(group.name)
  refuseNewer(trailer)
  refuseTrashed(volume)
  if (trailer?.snap)
    throw differs(volume, 'is a snapshot', [`Make a volume of it: acs volume create NAME --from-snapshot ${name}`])
  const vmUuids = group.attachments.flatMap((attachment) => attachment.vmUuid ?? [])
  const nobody = { hostName: '', bootId: '', initiatorName: '' }
  if (vmUuids.length > 0) throw heldElsewhere(volume, { kind: 'vm', vmUuids }, nobody)
  const has = diskAt(volume).sizeBytes
  if (has < sizeBytes)
    throw differs(volume, `is smaller: ${formatSize(has)} instead of ${formatSize(sizeBytes)}`, [
      `Grow it: acs volume resize ${name} ${sizeBytes}`,
    ])
  if (filesystem !== undefined && trailer?.fs !== undefined && trailer.fs !== filesystem)
    throw differs(volume, `has another filesystem: ${trailer.fs} instead of ${filesystem}`, [
      'Ask for the one it has, or choose another name',
    ])
}

function differs(volume: Volume, how: string, hints: readonly string[]): AcsError {
  const { uuid, name } = volume.group
  return new AcsError('conflict', 'EACSEXISTS', `there is a volume ${nameOf(volume)} already, and it ${how}`, {
    hints,
    details: { uuid, name },
  })
}
