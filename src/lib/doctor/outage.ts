import type { Facts } from './facts.js'
import type { Finding } from './finding.js'
import type { KnownCluster } from './known-cluster.js'
import { hasTarget, isAllowed, volumeOfTarget, type Drift } from './drift.js'

/**
 * The guard: when Prism cannot be reached, or every session of volumes that this machine may use is down at once, it is
 * the cluster or the network. What looks like a leftover then may be in use again in a minute, so nothing is cleaned.
 */
export function outageFindings(known: KnownCluster, facts: Facts, drift: Drift | undefined): Finding[] {
  const reasons = [...prismReasons(known), ...sessionReasons(facts, drift), ...wrongCluster(known, facts)]
  if (reasons.length === 0) return []
  return [
    {
      id: 'outage',
      severity: 'problem',
      title: 'the cluster has an outage, or is another one: nothing is cleaned up meanwhile',
      evidence: reasons,
      cure: ['Look at the cluster and at the way there; then: acs doctor'],
    },
  ]
}

function prismReasons(known: KnownCluster): string[] {
  return known.state === 'unreachable' ? [known.error.message] : []
}

function sessionReasons({ sessions, initiatorNames }: Facts, drift: Drift | undefined): string[] {
  const counting = sessions.filter(({ targetName, state }) => {
    // One that nothing tries to bring back died here.
    if (state === 'gone') return false
    if (drift === undefined) return true
    // That of a volume that was taken from this machine is meant to be down.
    const volume = volumeOfTarget(drift, targetName)
    return volume !== undefined && isAllowed(volume, initiatorNames)
  })
  if (counting.length === 0 || counting.some(({ state }) => state === 'up')) return []
  return [
    counting.length === 1 ? 'the only iSCSI session is down' : `all ${counting.length} iSCSI sessions are down at once`,
  ]
}

/** That every volume of a machine is deleted at once does not happen; that somebody asks the wrong cluster does. */
function wrongCluster(known: KnownCluster, { disks }: Facts): string[] {
  if (known.state !== 'known' || disks.length === 0) return []
  const targets = new Set(disks.map(({ targetName }) => targetName))
  const gone = [...targets].filter((target) => known.volumes.every((volume) => !hasTarget(volume, target)))
  if (gone.length < targets.size || (targets.size < 2 && known.volumes.length > 0)) return []
  return [`the cluster ${known.cluster.name} knows none of the ${targets.size} volumes that are attached here`]
}
