import { matchesGlob } from './glob.js'
import { allowedClient, createTargetBackend, groupOfTarget } from './iscsi-backend.js'
import type { SessionInfo } from './iscsi/target.js'
import { startIscsiTarget, type IscsiTarget } from './iscsi/target.js'
import type { ListenAddress } from '../base/listen-address.js'
import type { SimulatedCluster } from './simulated-cluster.js'

/** Recorded: sessions live on this port of a CVM. */
const cvmPort = 3205
const dataServicesPort = 3260

/** Opens the data services portal of the cluster, and ties the two together. */
export async function startDataServices(cluster: SimulatedCluster, listen: ListenAddress): Promise<IscsiTarget> {
  const backend = createTargetBackend(cluster)
  const target: IscsiTarget = await startIscsiTarget({
    backend,
    onSession({ id, targetName = '', initiatorName }) {
      if (targetName !== '' && cluster.faults.take('iscsi-drop', targetName, initiatorName))
        target.dropSessions((session) => session.id === id)
    },
    onError: (error) => cluster.log.error({ error: String(error) }, 'the iSCSI target broke'),
    listen,
    cvmListen: { host: listen.host, port: listen.port === dataServicesPort ? cvmPort : 0 },
  })
  const sessionsOf = (groupUuid: string): SessionInfo[] =>
    target
      .sessions()
      .filter(({ targetName }) => targetName !== undefined && groupOfTarget(cluster, targetName)?.uuid === groupUuid)
  cluster.connectIscsi({
    async revoked(group) {
      const lost = sessionsOf(group.uuid).filter(
        (session) => !allowedClient(cluster, group, { name: session.initiatorName, address: session.initiatorAddress }),
      )
      await Promise.all(lost.map(({ targetName, initiatorName }) => target.revoke(targetName ?? '', initiatorName)))
    },
    lunsChanged(group) {
      const affected = new Set(sessionsOf(group.uuid).map((session) => session.id))
      target.notifyLunsChanged((session) => affected.has(session.id))
    },
    diskResized: (uuid) => target.notifyResized(uuid),
    diskRemoved: (uuid) => target.forgetDisk(uuid),
  })
  cluster.faults.onAdd(({ kind, match = '*' }) => {
    if (kind !== 'iscsi-drop') return
    // With a session there it strikes now, else at the next login.
    const matches = ({ targetName = '', initiatorName }: SessionInfo): boolean =>
      matchesGlob(match, targetName) || matchesGlob(match, initiatorName)
    const struck = target.sessions().find(matches)
    if (struck) cluster.faults.take(kind, struck.targetName ?? '', struck.initiatorName)
    target.dropSessions(matches)
  })
  return target
}
