import { AcsError } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import { mountsOfDevice } from '../host/mountinfo.js'
import { describeHold, holdOf } from '../volume/holder.js'
import { withVolumeLock } from '../volume/lock.js'
import { printable } from '../volume/names.js'
import { unmountVolume } from '../volume/unmount.js'
import type { Volume } from '../volume/volume.js'
import { compare, isAllowed, isOfThisCluster, volumeContext, volumeOfTarget, type Drift } from './drift.js'
import { usersOf, type LocalDisk } from './facts.js'
import type { Finding } from './finding.js'

/** Disks that are attached here, and that the cluster no longer lets this machine use. */
export function diskFindings(drift: Drift): Finding[] {
  return drift.facts.disks.flatMap((disk) => judgeDisk(drift, disk))
}

function judgeDisk(drift: Drift, disk: LocalDisk): Finding[] {
  const { facts, cluster } = drift
  const volume = volumeOfTarget(drift, disk.targetName)
  if (volume && isAllowed(volume, facts.initiatorNames)) return []
  if (!volume && !isOfThisCluster(drift, disk.session?.portal))
    return [
      {
        id: 'foreign-disk',
        about: disk.targetName,
        severity: 'info',
        title: `${disk.devicePath} is of another cluster than ${cluster.cluster.name}, or its portal was moved`,
        evidence: [disk.targetName, `attached through ${disk.session?.portal ?? 'an unknown portal'}`],
        cure: ['acs doctor --context NAME   for the other cluster'],
      },
    ]
  const mounts = mountsOfDevice(facts.mounts, disk)
  const users = mounts.flatMap(({ mountPoint }) => usersOf(facts, mountPoint))
  const name = volume ? printable(volume.group.name) : disk.targetName
  const why = volume
    ? `the cluster lets in: ${describeHold(holdOf(volume, nobody))}`
    : `the cluster ${cluster.cluster.name} has no such volume group`
  return [
    {
      id: 'lost-volume',
      about: name,
      severity: 'problem',
      title: `${name} is attached here as ${disk.devicePath}, and this machine may no longer use it: its writes fail`,
      evidence: [why, ...mounts.map(({ mountPoint }) => `mounted at ${mountPoint}`), ...users],
      cure: [
        ...(users.length > 0 ? ['Stop the containers that use it'] : []),
        volume ? `acs volume unmount ${name}` : 'acs doctor --fix',
      ],
      ...(users.length > 0
        ? {}
        : {
            fix: {
              words: `take ${name} off this machine`,
              run: (deadline) => clearAway(drift, disk, volume, deadline),
            },
          }),
    },
  ]
}

const nobody = { hostName: '', bootId: '', initiatorName: '' }

/** What was not written yet is lost, and was since the volume was taken. */
async function clearAway(
  drift: Drift,
  disk: LocalDisk,
  volume: Volume | undefined,
  deadline: Deadline,
): Promise<undefined> {
  const now = await compare(drift.context, drift.facts, drift.cluster, deadline)
  const again = volumeOfTarget(now, disk.targetName)
  if (again && isAllowed(again, drift.facts.initiatorNames))
    throw new AcsError('conflict', 'EACSCHANGED', `${disk.targetName} may be used here again meanwhile`, {
      hints: ['Look again: acs doctor'],
    })
  const context = volumeContext(drift, deadline, disk.initiator)
  if (volume && again) {
    await unmountVolume(context, { volume: volume.group.uuid, all: true })
    return undefined
  }
  const portal = disk.session?.portal ?? drift.cluster.portal ?? ''
  await withVolumeLock(context, volume?.group.uuid ?? disk.targetName, 'clean up', async () => {
    await disk.by.failIo?.({ ...disk, portal }, deadline)
    for (const { mountPoint } of mountsOfDevice(await drift.context.host.mounts(), disk).reverse())
      await drift.context.host.unmount(mountPoint, deadline)
    await disk.by.detach({ ...disk, portal }, deadline)
  })
  return undefined
}
