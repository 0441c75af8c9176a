import { queryBoolean, routesOf, type Request, type Route } from '../routes.js'
import { deleteVm, setPower, vmOf } from '../vm-actions.js'
import { oldCollection } from './collection.js'
import { oldVmDto, type OldVmDetail } from './vm-dto.js'

const route = routesOf('v0.8')

/** How the first docker-machine driver read, switched and deleted machines; it made them through v1. */
export const oldVmRoutes: readonly Route[] = [
  route('GET', '/vms', (request) => {
    const { cluster } = request
    return { body: oldCollection(cluster.vms.list().map((vm) => oldVmDto(cluster, vm, detailOf(request)))) }
  }),
  route('GET', '/vms/{uuid}', (request) => ({ body: oldVmDto(request.cluster, vmOf(request), detailOf(request)) })),
  route('DELETE', '/vms/{uuid}', deleteVm),
  route('POST', '/vms/{uuid}/set_power_state', setPower),
]

function detailOf({ query }: Request): OldVmDetail {
  return {
    sizes: queryBoolean(query, 'includeVMDiskSizes') ?? false,
    paths: queryBoolean(query, 'includeVMDiskPaths') ?? false,
    addresses: queryBoolean(query, 'includeAddressAssignments') ?? false,
  }
}
