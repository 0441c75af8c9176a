import type { NicRecord, VmRecord } from '../../store/machine-records.js'
import { vmEntity } from '../../vms.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { Fields, readUuid } from '../fields.js'
import { bodyOf, queryBoolean, queryInteger, routesOf, type Reply, type Request, type Route } from '../routes.js'
import { taskAnswer } from '../task-answer.js'
import { createVm, deleteVm, setPower, vmOf } from '../vm-actions.js'
import {
  readCloneSpecs,
  readCustomization,
  readDrive,
  readDriveChange,
  readDriveReference,
  readNic,
  readVmChange,
  timestampIn,
} from '../vm-requests.js'
import { nicDto, vmDto, type VmDetail } from './vm-dto.js'
import { vmPage } from './vm-list.js'

const route = routesOf('v2.0')

export const vmRoutes: readonly Route[] = [
  route('GET', '/vms', (request) => ({
    body: vmPage(
      request.cluster.vms.list().map((vm) => vmDto(request.cluster, vm, detailOf(request))),
      request.query,
    ),
  })),
  route('POST', '/vms', createVm),
  route('GET', '/vms/{uuid}', (request) => ({ body: vmDto(request.cluster, vmOf(request), detailOf(request)) })),
  route('PUT', '/vms/{uuid}', (request) => {
    const fields = bodyOf(request)
    return taskAnswer(request, request.cluster.vms.update(vmOf(request), readVmChange(fields), timestampIn(fields)))
  }),
  route('DELETE', '/vms/{uuid}', deleteVm),
  route('POST', '/vms/{uuid}/clone', cloneVm),
  route('POST', '/vms/{uuid}/set_power_state', setPower),
  route('POST', '/vms/{uuid}/restore', restoreVm),
  route('POST', '/vms/{uuid}/disks/attach', (request) => {
    const fields = bodyOf(request)
    const drives = disksIn(fields).map(readDrive)
    return taskAnswer(request, request.cluster.vms.attachDisks(vmOf(request), drives, timestampIn(fields)))
  }),
  route('POST', '/vms/{uuid}/disks/detach', (request) => {
    const fields = bodyOf(request)
    const drives = disksIn(fields).map(readDriveReference)
    return taskAnswer(request, request.cluster.vms.detachDisks(vmOf(request), drives, timestampIn(fields)))
  }),
  // In no specification, but used by Prism's own pages and by scripts.
  route('PUT', '/vms/{uuid}/disks/update', (request) => {
    const fields = bodyOf(request)
    const changes = disksIn(fields).map(readDriveChange)
    return taskAnswer(request, request.cluster.vms.updateDisks(vmOf(request), changes, timestampIn(fields)))
  }),
  route('GET', '/vms/{uuid}/nics', (request) => {
    const entities = vmOf(request).nics.map((nic) => nicDto(nic, withAddresses(request)))
    return { body: { metadata: { grand_total_entities: entities.length, total_entities: entities.length }, entities } }
  }),
  route('POST', '/vms/{uuid}/nics', (request) => {
    const fields = bodyOf(request)
    const nics = (fields.objects('spec_list') ?? []).map(readNic)
    if (nics.length === 0) throw bad('Field spec_list is missing')
    return taskAnswer(request, request.cluster.vms.addNics(vmOf(request), nics, timestampIn(fields)))
  }),
  route('GET', '/vms/{uuid}/nics/{nic_id}', (request) => ({
    body: nicDto(nicOf(request, vmOf(request)), withAddresses(request)),
  })),
  route('PUT', '/vms/{uuid}/nics/{nic_id}', updateNic),
  route('DELETE', '/vms/{uuid}/nics/{nic_id}', (request) => {
    const vm = vmOf(request)
    const timestamp = queryInteger(request.query, 'vm_logical_timestamp')
    return taskAnswer(request, request.cluster.vms.removeNic(vm, nicOf(request, vm), timestamp))
  }),
]

function cloneVm(request: Request): Reply {
  const vm = vmOf(request)
  const fields = Fields.of(request.body ?? {})
  const source = { vm, entity: vmEntity(vm.uuid) }
  return taskAnswer(request, request.cluster.vms.clone(source, readCloneSpecs(fields), readCustomization(fields)))
}

function restoreVm(request: Request): Reply {
  const fields = bodyOf(request)
  const snapshot = fields.string('snapshot_uuid')
  if (snapshot === undefined) throw bad('Field snapshot_uuid is missing')
  const network = fields.boolean('restore_network_configuration') ?? false
  const { vmSnapshots } = request.cluster
  return taskAnswer(request, vmSnapshots.restore(vmOf(request), snapshot, network, timestampIn(fields)))
}

function updateNic(request: Request): Reply {
  const vm = vmOf(request)
  const fields = bodyOf(request)
  const spec = fields.object('nic_spec')
  if (!spec) throw bad('Field nic_spec is missing')
  const change = {
    networkUuid: readUuid(spec.string('network_uuid')),
    macAddress: spec.string('mac_address') || undefined,
    connected: spec.boolean('is_connected'),
    requestedAddress: spec.string('requested_ip_address') || undefined,
  }
  return taskAnswer(request, request.cluster.vms.updateNic(vm, nicOf(request, vm), change, timestampIn(fields)))
}

function disksIn(fields: Fields): Fields[] {
  const disks = fields.objects('vm_disks') ?? []
  if (disks.length === 0) throw bad('Field vm_disks is missing')
  return disks
}

/** Specified: both cost the cluster much, so neither comes without being asked for. */
function detailOf({ query }: Request): VmDetail {
  return {
    disks: queryBoolean(query, 'include_vm_disk_config') ?? false,
    nics: queryBoolean(query, 'include_vm_nic_config') ?? false,
  }
}

function withAddresses({ query }: Request): boolean {
  return queryBoolean(query, 'include_address_assignments') ?? false
}

function nicOf({ cluster, parameters }: Request, vm: VmRecord): NicRecord {
  return cluster.vms.requireNic(vm, parameters.nic_id ?? '')
}

function bad(message: string): WireError {
  return new WireError(400, message, errorCodes.badRequest)
}
