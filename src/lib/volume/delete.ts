import { AcsError, isAcsError } from '../base/errors.js'
import { isRoot } from '../base/user-folder.js'
import type { CallOptions, VolumeGroup } from '../prism/prism.js'
import { forgetHolds } from './attach-record.js'
import { forgetChapSecret, storedChapSecret } from './chap.js'
import { announceStep, type VolumeContext } from './context.js'
import { findVolume, snapshotsOf } from './find.js'
import { findHere } from './here.js'
import { describeHold, holdOf } from './holder.js'
import { printable } from './names.js'
import { refuseNewer } from './trailer.js'
import { isOurs, nameOf, type Volume } from './volume.js'

export interface DeleteRequest {
  volume: string
  /** The explicit word for a group that acs did not make. */
  foreign?: boolean
  /** Its snapshots too. */
  withSnapshots?: boolean
  dryRun?: boolean
  wait?: boolean
  onTask?: CallOptions['onTask']
}

export interface DeleteResult {
  volume: Volume
  snapshots: Volume[]
  taskUuid?: string
  planned?: string[]
}

const staleAttempts = 5

/** What `deleteVolume` would delete, after all its refusals: the caller asks for confirmation in between. */
export async function checkDelete(context: VolumeContext, request: DeleteRequest): Promise<DeleteResult> {
  const volume = await findVolume(context, request.volume)
  const name = printable(volume.group.name)
  const details = { uuid: volume.group.uuid, name: volume.group.name }
  checkRemovable(volume)
  await refuseHere(context, volume)
  if (!isOurs(volume) && !request.foreign)
    throw foreign(volume, [`When you are sure that nobody needs it: acs volume delete ${name} --foreign`])
  const groups = await context.prism.volumeGroups({ deadline: context.deadline })
  const snapshots = snapshotsOf(groups, volume)
  if (snapshots.length > 0 && !request.withSnapshots)
    throw new AcsError(
      'conflict',
      'EACSHASSNAPSHOTS',
      `volume ${nameOf(volume)} has ${snapshots.length} snapshot${snapshots.length === 1 ? '' : 's'}`,
      {
        hints: [`See them: acs volume snapshot list ${name}`, 'Delete them too: --with-snapshots'],
        details: { ...details, snapshots: snapshots.map((snapshot) => snapshot.group.name) },
      },
    )
  return {
    volume,
    snapshots,
    planned: [...snapshots, volume].map((victim) => `delete volume group ${nameOf(victim)} (${victim.group.uuid})`),
  }
}

/** Deletes a volume and its data, for good. The caller asked for confirmation. */
export async function deleteVolume(context: VolumeContext, request: DeleteRequest): Promise<DeleteResult> {
  const checked = await checkDelete(context, request)
  if (request.dryRun) return checked
  const { volume, snapshots } = checked
  const options = {
    deadline: context.deadline,
    ...(request.wait === undefined ? {} : { wait: request.wait }),
    ...(request.onTask ? { onTask: request.onTask } : {}),
  }
  for (const snapshot of snapshots) {
    announceStep(context, `deleting snapshot ${nameOf(snapshot)}`)
    await context.prism.deleteVolumeGroup(snapshot.group, options)
  }
  announceStep(context, `deleting volume group ${nameOf(volume)}`)
  const taskUuid = await deleteUnchanged(context, request, volume.group, options)
  await forgetVolume(context, volume.group.uuid)
  return { volume, snapshots, ...(taskUuid === undefined ? {} : { taskUuid }) }
}

/** Refuses what may be neither deleted nor put in the trash now. Throws EACSNEWER, EACSSNAPSHOT, EACSATTACHED, EACSPROTECTED. */
export function checkRemovable(volume: Volume): void {
  const name = printable(volume.group.name)
  const details = { uuid: volume.group.uuid, name: volume.group.name }
  refuseNewer(volume.trailer)
  if (volume.trailer?.snap)
    throw new AcsError('usage', 'EACSSNAPSHOT', `${nameOf(volume)} is a snapshot`, {
      hints: [`Delete it as one: acs volume snapshot delete ${name}`],
      details,
    })
  refuseAttached(volume)
  if (volume.trailer?.prot)
    throw new AcsError('conflict', 'EACSPROTECTED', `volume ${nameOf(volume)} is protected`, {
      hints: [`Take the protection away first: acs volume update ${name} --no-protect`],
      details,
    })
}

/** Throws EACSATTACHED while anyone may use it. */
export function refuseAttached(volume: Volume): void {
  if (volume.group.attachments.length === 0) return
  const name = printable(volume.group.name)
  const who = describeHold(holdOf(volume, { hostName: '', bootId: '', initiatorName: '' }))
  throw new AcsError('conflict', 'EACSATTACHED', `volume ${nameOf(volume)} is attached: held by ${who}`, {
    hints: [`Detach it there first: acs volume unmount ${name}`, `See who has it: acs volume explain ${name}`],
    details: { uuid: volume.group.uuid, name: volume.group.name },
  })
}

/** Throws EACSATTACHED while its disk is still here, though the cluster lets nobody in. */
export async function refuseHere(context: VolumeContext, volume: Volume): Promise<void> {
  const here = await findHere(context, volume)
  if (!here?.disk) return
  throw new AcsError('conflict', 'EACSATTACHED', `volume ${nameOf(volume)} is still ${here.disk.devicePath} here`, {
    hints: [`Clean up here first: acs volume unmount ${printable(volume.group.name)}`],
    details: { uuid: volume.group.uuid, name: volume.group.name },
  })
}

/** EACSFOREIGN: somebody else's group. */
export function foreign(volume: Volume, hints: readonly string[]): AcsError {
  return new AcsError('conflict', 'EACSFOREIGN', `acs did not make the volume group ${nameOf(volume)}`, {
    hints,
    details: { uuid: volume.group.uuid, name: volume.group.name },
  })
}

/** Forgets what this machine kept for a volume that is gone. */
export async function forgetVolume(context: VolumeContext, uuid: string): Promise<void> {
  if ((await storedChapSecret(context.stateFolder, uuid)) !== undefined)
    await forgetChapSecret(context.stateFolder, uuid)
  if (isRoot()) await forgetHolds(context.stateFolder, uuid)
}

/** Deletes at the version that was checked; when it changed meanwhile, all is checked again. */
async function deleteUnchanged(
  context: VolumeContext,
  request: DeleteRequest,
  checked: VolumeGroup,
  options: Parameters<VolumeContext['prism']['deleteVolumeGroup']>[1],
): Promise<string | undefined> {
  let group = checked
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await context.prism.deleteVolumeGroup(group, options)).taskUuid
    } catch (error) {
      if (!isAcsError(error, 'EACSSTALE') || attempt >= staleAttempts) throw error
    }
    group = (await checkDelete(context, { ...request, volume: group.uuid, withSnapshots: true })).volume.group
  }
}
