import { Router, type Route } from './routes.js'
import { oldImageRoutes } from './v08/images.js'
import { oldNetworkRoutes } from './v08/networks.js'
import { oldTaskRoutes } from './v08/tasks.js'
import { oldVmRoutes } from './v08/vms.js'
import { oldContainerRoutes } from './v1/containers.js'
import { v1VmRoutes } from './v1/vms.js'
import { clusterRoutes } from './v2/cluster.js'
import { hostRoutes } from './v2/hosts.js'
import { imageRoutes } from './v2/images.js'
import { networkRoutes } from './v2/networks.js'
import { snapshotRoutes } from './v2/snapshots.js'
import { storageContainerRoutes } from './v2/storage-containers.js'
import { taskRoutes } from './v2/tasks.js'
import { vmRoutes } from './v2/vms.js'
import { iscsiClientRoutes, volumeGroupReportRoutes, volumeGroupRoutes } from './v2/volume-groups.js'

/** Everything of Prism that the simulator serves; the contract test walks this list. */
export const prismRoutes: readonly Route[] = [
  ...volumeGroupRoutes('v2.0'),
  ...volumeGroupReportRoutes,
  ...iscsiClientRoutes,
  ...taskRoutes,
  ...storageContainerRoutes,
  ...clusterRoutes,
  ...hostRoutes,
  ...networkRoutes,
  ...imageRoutes,
  ...vmRoutes,
  ...snapshotRoutes,
  ...volumeGroupRoutes('v0.8'),
  ...oldTaskRoutes,
  ...oldNetworkRoutes,
  ...oldImageRoutes,
  ...oldVmRoutes,
  ...oldContainerRoutes,
  ...v1VmRoutes,
]

export function createRouter(adminRoutes: readonly Route[]): Router {
  return new Router([...prismRoutes, ...adminRoutes])
}
