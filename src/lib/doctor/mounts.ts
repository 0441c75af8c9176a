import { dirname, join } from 'node:path'
import { deviceNumberOf } from '../host/blockdev.js'
import type { MountEntry } from '../host/host.js'
import { findLoops } from '../host/loop.js'
import { mountsOfDevice } from '../host/mountinfo.js'
import { printable } from '../volume/names.js'
import type { DoctorContext } from './context.js'
import { usersOf, type Facts } from './facts.js'
import type { Finding } from './finding.js'
import { isThere } from './folder.js'

/** Mounts whose disk is dead, and mounts in acs's folder that are none of acs's. Touches none of them: that could hang. */
export async function mountFindings(context: DoctorContext, facts: Facts): Promise<Finding[]> {
  const orphans = await orphanedLoops(context)
  const looked = await Promise.all(facts.mounts.map((mount) => judgeMount(context, facts, orphans, mount)))
  return looked.flat()
}

async function judgeMount(
  context: DoctorContext,
  facts: Facts,
  orphans: ReadonlySet<string>,
  mount: MountEntry,
): Promise<Finding[]> {
  const disk = facts.disks.find((each) => mountsOfDevice([mount], each).length > 0)
  const inFolder = dirname(mount.mountPoint) === context.mountFolder
  if (disk) return disk.session?.state === 'gone' ? [deadMount(context, facts, mount, 'its session is gone')] : []
  if (orphans.has(mount.deviceNumber))
    return [deadMount(context, facts, mount, 'acs no longer knows which disk its loop device belongs to')]
  if (!inFolder) return []
  const isBlock = !mount.deviceNumber.startsWith('0:')
  const there = await isThere(join(context.roots.sysfs, 'dev', 'block', mount.deviceNumber))
  if (isBlock && !there)
    return [deadMount(context, facts, mount, `the kernel has no device ${mount.deviceNumber} any more`)]
  return [
    {
      id: 'stray-mount',
      about: mount.mountPoint,
      severity: 'info',
      title: `${printable(mount.mountPoint)} is in acs's folder, and no disk of acs is mounted there`,
      evidence: [`${mount.source} (${mount.filesystem}, device ${mount.deviceNumber})`],
      cure: [`umount ${mount.mountPoint}   when nobody needs it`],
    },
  ]
}

function deadMount(context: DoctorContext, facts: Facts, mount: MountEntry, why: string): Finding {
  const users = usersOf(facts, mount.mountPoint)
  return {
    id: 'dead-mount',
    about: mount.mountPoint,
    severity: 'problem',
    title: `${printable(mount.mountPoint)} is mounted, and its disk is dead: whoever uses it gets errors`,
    evidence: [why, `${mount.source}, device ${mount.deviceNumber}`, ...users],
    cure: [...(users.length > 0 ? ['Stop the containers that use it'] : []), `umount ${mount.mountPoint}`],
    ...(users.length > 0
      ? {}
      : {
          fix: {
            words: `unmount ${mount.mountPoint} and remove what is left of its disk`,
            run: async (deadline) => {
              // Neither lazily nor by force: what still uses it is named instead.
              await context.host.unmount(mount.mountPoint, deadline)
              return (await Promise.all(context.initiators.map((initiator) => initiator.sweep(deadline)))).flat()
            },
          },
        }),
  }
}

/** Numbers of loop devices on exports of acs that no longer say which disk they are. */
async function orphanedLoops({ roots, runtimeFolder, initiators }: DoctorContext): Promise<Set<string>> {
  if (!initiators.some(({ kind }) => kind === 'userspace')) return new Set()
  const loops = await findLoops(roots, (file) => file.startsWith(`${join(runtimeFolder, 'disks')}/`)).catch(() => [])
  const numbers = await Promise.all(loops.map(({ devicePath }) => deviceNumberOf(roots, devicePath).catch(() => [])))
  return new Set(numbers.flat())
}
