import { join } from 'node:path'
import { deleteNodeRecord } from '../host/iscsi/iscsiadm.js'
import { readRecords } from '../host/iscsi/kernel-records.js'
import { readSessions } from '../host/iscsi/sessions.js'
import { targetPrefix } from '../volume/target-name.js'
import { isAllowed, isOfThisCluster, type Drift } from './drift.js'
import type { Finding } from './finding.js'
import { nodeRecords } from './open-iscsi.js'
import { ourTargets } from './ours.js'

/** Kernel sessions and node records of Nutanix targets that acs has no disk on and the cluster does not let us use. */
export async function sessionFindings(drift: Drift): Promise<Finding[]> {
  const { context, facts } = drift
  const [sessions, records, isOurs] = await Promise.all([
    readSessions(context.roots),
    nodeRecords(context.roots),
    ourTargets(context),
  ])
  // What acs is about to attach, or has attached, is no leftover.
  const known = new Set([
    ...facts.disks.map((disk) => disk.targetName),
    ...(await readRecords(join(context.runtimeFolder, 'kernel'))).map((record) => record.targetName),
  ])
  const lost = (target: string, portal: string | undefined): boolean => {
    if (!target.startsWith(targetPrefix) || known.has(target) || !isOfThisCluster(drift, portal)) return false
    const volume = drift.cluster.volumes.find(({ group }) => target.endsWith(group.iscsiTarget))
    return volume === undefined || !isAllowed(volume, facts.initiatorNames)
  }
  const open = sessions.filter((session) => lost(session.targetName, portalOf(session)))
  const openTargets = new Set(sessions.map((session) => session.targetName))
  const idle = records.filter(({ targetName, portal }) => !openTargets.has(targetName) && lost(targetName, portal))
  return [
    ...open.map((session): Finding => {
      const target = `-T ${session.targetName} -p ${portalOf(session) ?? ''}`
      return {
        id: 'session',
        about: session.targetName,
        severity: 'warning',
        title: `the kernel has a session to ${session.targetName}, which this machine may not use and acs did not make`,
        evidence: [`${session.name} is ${session.state}`],
        cure: [`iscsiadm -m node ${target} --logout`, `iscsiadm -m node ${target} -o delete`],
      }
    }),
    ...idle.map(({ targetName, portal, file }): Finding => {
      return {
        id: 'node-record',
        about: targetName,
        severity: 'warning',
        title: `open-iscsi remembers ${targetName}, which this machine may not use`,
        evidence: [file],
        cure: [`iscsiadm -m node -T ${targetName} -p ${portal} -o delete`],
        ...(isOurs(targetName)
          ? {
              fix: {
                words: `delete the node record of ${targetName}`,
                run: async (deadline) => {
                  await deleteNodeRecord(context.runner, { targetName, portal }, deadline)
                  return undefined
                },
              },
            }
          : {}),
      }
    }),
  ]
}

function portalOf(session: { persistentAddress?: string | undefined; persistentPort?: number | undefined }) {
  const { persistentAddress: address, persistentPort: port } = session
  if (address === undefined || port === undefined) return undefined
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}
