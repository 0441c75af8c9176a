import { isIP } from 'node:net'
import type { Deadline } from '../base/deadline.js'
import { parsePortal } from '../host/iscsi/portal.js'
import { connectLimitMs, type ClusterAccess } from './context.js'
import { ok, type Finding } from './finding.js'
import type { ClusterFacts, KnownCluster } from './known-cluster.js'
import { reach } from '../host/reach.js'

/** Whether Prism can be reached and lets us in, and where its disks are. */
export async function clusterFindings(known: KnownCluster, deadline: Deadline): Promise<Finding[]> {
  if (known.state === 'not-configured') {
    const { error } = known
    return [
      {
        id: 'connection',
        severity: error.code === 'EACSNOCONNECTION' ? 'warning' : 'problem',
        title: error.message,
        evidence: [error.code],
        cure: error.hints,
      },
    ]
  }
  const { authority } = known.access
  const port = portFinding(known.access, deadline)
  if (known.state !== 'known') {
    const { error } = known
    const prism: Finding = {
      id: 'prism',
      severity: 'problem',
      title: error.message,
      evidence: [error.code],
      cure: error.hints,
    }
    return [await port, prism]
  }
  const { cluster, volumes } = known
  const [open, iscsi, redirect] = await Promise.all([
    port,
    iscsiFindings(known, deadline),
    redirectFindings(known, deadline),
  ])
  return [
    open,
    ok('prism', `logged in to ${cluster.name} at ${authority}`, [
      `AOS ${cluster.version}, ${cluster.nodeCount} nodes, ${volumes.length} volume groups`,
    ]),
    ...iscsi,
    ...redirect,
  ]
}

async function portFinding({ host, port, authority }: ClusterAccess, deadline: Deadline): Promise<Finding> {
  const why = await reach({ host, port }, deadline.atMost(connectLimitMs))
  if (why === undefined) return ok('prism-port', `TCP ${port} of ${host} is open`)
  return {
    id: 'prism-port',
    severity: 'problem',
    title: `Prism at ${authority} accepts no connection`,
    evidence: [`connect: ${why}`],
    cure: [`A firewall must let TCP ${port} through from here: nc -vz ${host} ${port}`],
  }
}

async function iscsiFindings({ portal, cluster }: ClusterFacts, deadline: Deadline): Promise<Finding[]> {
  if (portal === undefined)
    return [
      {
        id: 'data-services',
        severity: 'problem',
        title: `the cluster ${cluster.name} has no data services address: no volume can be attached over iSCSI`,
        evidence: ['cluster_external_data_services_ipaddress is empty'],
        cure: ['ncli cluster edit-params external-data-services-ip-address=IP   on the cluster, once'],
      },
    ]
  const { host, port } = parsePortal(portal)
  const why = await reach({ host, port }, deadline.atMost(connectLimitMs))
  const address = ok('data-services', `disks are at ${portal}`)
  if (why === undefined) return [address, ok('iscsi-port', `TCP ${port} of ${host} is open`)]
  return [
    address,
    {
      id: 'iscsi-port',
      severity: 'problem',
      title: `the data services portal ${portal} accepts no connection: no volume can be attached`,
      evidence: [`connect: ${why}`],
      cure: [`A firewall must let TCP ${port} through from here: nc -vz ${host} ${port}`],
    },
  ]
}

/** Logins at the portal are redirected to a controller VM's port 3205 (recorded, prism-api.md 7). */
const redirectPort = 3205
/** So many are asked; a cluster's controller VMs are behind the same firewall. */
const redirectSample = 32

async function redirectFindings({ portal, hosts }: ClusterFacts, deadline: Deadline): Promise<Finding[]> {
  if (portal === undefined) return []
  const { host } = parsePortal(portal)
  // A forwarded port, or the simulator, which redirects to itself.
  if (isLoopback(host)) return []
  const addresses = hosts.flatMap(({ controllerVmAddress }) => controllerVmAddress ?? []).slice(0, redirectSample)
  if (addresses.length === 0) return []
  const limit = deadline.atMost(connectLimitMs)
  const looked = await Promise.all(
    addresses.map(async (address) => ({ address, why: await reach({ host: address, port: redirectPort }, limit) })),
  )
  const closed = looked.filter(({ why }) => why !== undefined)
  if (closed.length === 0)
    return [ok('redirect-port', `TCP ${redirectPort} of ${addresses.length} controller VMs is open`)]
  return [
    {
      id: 'redirect-port',
      // One that is down for maintenance is no fault: the portal redirects to another.
      severity: closed.length === looked.length ? 'problem' : 'warning',
      title: `${closed.length} of ${looked.length} controller VMs accept no connection on TCP ${redirectPort}, where logins are sent on to`,
      evidence: closed.map(({ address, why }) => `${address}: ${why ?? ''}`),
      cure: [
        `A firewall must let TCP ${redirectPort} through from here: nc -vz ${closed[0]?.address ?? ''} ${redirectPort}`,
      ],
    },
  ]
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** Times in holder records and on trash are compared between hosts; so much they may differ. */
const skewMs = 30_000

/** This machine's clock against the cluster's. */
export async function timeFindings(access: ClusterAccess, deadline: Deadline): Promise<Finding[]> {
  const before = Date.now()
  const theirs = await access.clock(deadline.atMost(connectLimitMs))
  const after = Date.now()
  if (theirs === undefined) return [ok('time', 'Prism does not tell its time')]
  return [timeFinding(theirs, before, after)]
}

/** `theirs` was read between `before` and `after`, ms since 1970, and has whole seconds. */
export function timeFinding(theirs: Date, before: number, after: number): Finding {
  const [least, most] = [before - theirs.getTime() - 1_000, after - theirs.getTime()]
  const offByMs = least > 0 ? least : most < 0 ? most : 0
  const seconds = Math.round(Math.abs(offByMs) / 1_000)
  if (Math.abs(offByMs) <= skewMs) return ok('time', "this machine's clock agrees with the cluster's")
  return {
    id: 'time',
    severity: 'warning',
    title: `this machine's clock is ${seconds} s ${offByMs > 0 ? 'ahead of' : 'behind'} the cluster's`,
    evidence: [`here ${new Date(after).toISOString()}, Prism ${theirs.toISOString()}`],
    cure: ['timedatectl set-ntp true', 'chronyc tracking'],
  }
}
