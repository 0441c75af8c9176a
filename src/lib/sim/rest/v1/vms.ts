import { pageOf } from '../collection.js'
import { camelCase, toCamel } from '../fields.js'
import { routesOf, type Reply, type Request, type Route } from '../routes.js'
import { createVm } from '../vm-actions.js'
import { v1VmDto } from './vm-dto.js'

const route = routesOf('v1')

/** How the first docker-machine driver made machines, and learned of their disks and addresses. */
export const v1VmRoutes: readonly Route[] = [
  route('GET', '/vms', listVms),
  route('POST', '/vms', createVm),
  route('GET', '/vms/{id}', ({ cluster, parameters }) => {
    // The driver asks by UUID; lists tell an ID with the cluster's before it.
    const uuid = parameters.id?.split('::').at(-1) ?? ''
    return { body: v1VmDto(cluster, cluster.vms.require(uuid)) }
  }),
]

/** Paged, filtered and sorted as all of v1's config resources; conditions are on `vm_name` and `vm_uuid` (seen in scripts). */
function listVms({ cluster, query }: Request): Reply {
  const { items, metadata } = pageOf(
    cluster.vms.list().map((vm) => v1VmDto(cluster, vm)),
    query,
    (vm) => String(vm.vmName),
    (vm, name) => (name === 'vm_uuid' ? vm.uuid : vm[camelCase(name)]),
  )
  return { body: { metadata: toCamel(metadata), entities: items } }
}
