import { join } from 'node:path'
import { forgetHolds } from '../volume/attach-record.js'
import { forgetChapSecret } from '../volume/chap.js'
import { printable } from '../volume/names.js'
import { statOf } from './folder.js'
import type { Drift } from './drift.js'
import type { Finding } from './finding.js'
import { keptUuids } from './ours.js'

/** A file younger than this may be of a volume that is just being made: its secret is kept first. */
const youngMs = 10 * 60_000

/** What this machine keeps of volumes that the cluster no longer has: CHAP secrets and copies of holder records. */
export async function keptFindings(drift: Drift): Promise<Finding[]> {
  const { context, cluster, facts } = drift
  const { stateFolder } = context
  const sure = cluster.access.otherClusters.length === 0
  const kinds = [
    { folder: 'chap', file: '', what: 'a CHAP secret', forget: forgetChapSecret },
    { folder: 'attached', file: '.json', what: "this machine's copy of its hold", forget: forgetHolds },
  ] as const
  const found: Finding[] = []
  for (const { folder, file, what, forget } of kinds)
    for (const uuid of await keptUuids(stateFolder, folder)) {
      // A clone under way keeps its secret before it is there.
      if (drift.concerned.has(uuid) || facts.journals.some((journal) => journal.uuid === uuid)) continue
      const path = join(stateFolder, folder, `${uuid}${file}`)
      const status = await statOf(path)
      if (status === undefined || Date.now() - status.mtimeMs < youngMs) continue
      found.push({
        id: 'forgotten-record',
        about: `${folder}/${uuid}`,
        severity: sure ? 'warning' : 'info',
        title: sure
          ? `${what} is kept of a volume that the cluster no longer has`
          : `${what} is kept of a volume that ${cluster.cluster.name} does not have; it may be of ${cluster.access.otherClusters.join(' or ')}`,
        evidence: [path],
        cure: [`rm ${path}`],
        ...(sure
          ? {
              fix: {
                words: `remove ${path}`,
                run: async () => {
                  await forget(stateFolder, uuid)
                  return undefined
                },
              },
            }
          : {}),
      })
    }
  return found
}

/** Groups that an interrupted restore left half made, on whatever machine; one of this machine is in its journal. */
export function copyFindings({ cluster, facts }: Drift): Finding[] {
  const ours = new Set(facts.journals.flatMap(({ facts: { copy } }) => copy?.uuid ?? []))
  return cluster.volumes
    .filter(({ group }) => group.name.endsWith(`.restoring-${group.uuid.slice(0, 8)}`) && !ours.has(group.uuid))
    .map(({ group }) => {
      const volume = printable(group.name.replace(/\.restoring-[0-9a-f]{8}$/, ''))
      return {
        id: 'half-made-copy',
        about: printable(group.name),
        severity: 'warning',
        title: `a restore of ${volume} is under way on another machine, or was interrupted there`,
        evidence: [`volume group ${printable(group.name)} (${group.uuid})`],
        cure: [
          'acs doctor   on the machine that began it: it names the command that ends it',
          `acs volume delete ${group.uuid}   when that machine is gone`,
        ],
      }
    })
}
