import { randomBytes, randomUUID } from 'node:crypto'
import type { ClusterRecord, ContainerRecord, HostRecord } from './store/records.js'
import type { Store } from './store/store.js'

/** Recorded on a four-node cluster; large enough for any volume the field makes. */
const recordedCapacityBytes = 11_926_299_580_840

/** A new cluster of three nodes with the containers every real one starts with; the present one when there is one. */
export function foundCluster(store: Store, containerCapacityBytes = recordedCapacityBytes): ClusterRecord {
  const [present] = store.clusters.values()
  if (present) return present
  const cluster: ClusterRecord = {
    // Real cluster UUIDs begin with a version and time, and are no RFC 4122 ones (recorded).
    uuid: `0006411c-${randomBytes(2).toString('hex')}-${randomBytes(2).toString('hex')}-${randomBytes(2).toString('hex')}-${randomBytes(6).toString('hex')}`,
    incarnationId: Date.now() * 1000,
    name: 'acs-sim',
  }
  const hosts = [1, 2, 3].map((number): HostRecord => ({
    uuid: randomUUID(),
    number: number + 5,
    name: `acs-sim-${number}`,
    hypervisorAddress: `127.0.0.${10 + number}`,
    controllerVmAddress: `127.0.0.${20 + number}`,
  }))
  const containers = [
    container('NutanixManagementShare', 12, containerCapacityBytes, true),
    container(`default-container-${randomBytes(4).readUInt32BE()}`, 1367, containerCapacityBytes, false),
    container('SelfServiceContainer', 717, containerCapacityBytes, false),
  ]
  store.commit({ put: { clusters: [cluster], hosts, containers } })
  return cluster
}

function container(name: string, number: number, maxCapacityBytes: number, nutanixManaged: boolean): ContainerRecord {
  return {
    uuid: randomUUID(),
    number,
    name,
    maxCapacityBytes,
    advertisedCapacityBytes: null,
    replicationFactor: 2,
    compressionEnabled: nutanixManaged,
    compressionDelaySecs: 0,
    nutanixManaged,
  }
}
