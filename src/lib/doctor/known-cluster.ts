import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import type { Cluster, Host } from '../prism/prism.js'
import { portalAddress } from '../volume/target-name.js'
import { asVolume, type Volume } from '../volume/volume.js'
import { checkLimitMs, type ClusterAccess, type DoctorContext } from './context.js'

/** What the cluster told, or why it told nothing. */
export type KnownCluster =
  /** No connection is configured, or its configuration cannot be used. */
  | { state: 'not-configured'; error: AcsError }
  | { state: 'unreachable'; access: ClusterAccess; error: AcsError }
  /** It answers, and does not let us in; or shows a certificate that is not trusted. */
  | { state: 'refused'; access: ClusterAccess; error: AcsError }
  | ClusterFacts

export interface ClusterFacts {
  state: 'known'
  access: ClusterAccess
  cluster: Cluster
  volumes: readonly Volume[]
  hosts: readonly Host[]
  /** `host:port` of the data services portal; absent where nobody set one. */
  portal?: string
}

/** Asks the cluster once for all checks: one login, so that a wrong password is tried once. Never rejects. */
export async function askCluster(context: DoctorContext): Promise<KnownCluster> {
  let access: ClusterAccess
  try {
    access = await context.cluster()
  } catch (error) {
    return { state: 'not-configured', error: asAcsError(error) }
  }
  const call = () => ({ deadline: context.deadline.atMost(checkLimitMs) })
  try {
    const cluster = await access.prism.cluster(call())
    const [groups, hosts] = await Promise.all([access.prism.volumeGroups(call()), access.prism.hosts(call())])
    const portal = access.dataServices ?? cluster.dataServicesAddress
    return {
      state: 'known',
      access,
      cluster,
      volumes: groups.map(asVolume),
      hosts,
      ...(portal === undefined ? {} : { portal: portalAddress(portal) }),
    }
  } catch (error) {
    const known = asAcsError(error)
    return { state: known.kind === 'auth' ? 'refused' : 'unreachable', access, error: known }
  }
}

function asAcsError(error: unknown): AcsError {
  return isAcsError(error) ? error : new AcsError('failed', 'EACSPROBE', messageOf(error), { cause: error })
}
