import type { VmSnapshotRecord } from '../../store/machine-records.js'
import { snapshotEntity, type SnapshotRequest } from '../../vm-snapshots.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { Fields, readUuid } from '../fields.js'
import { bodyOf, queryInteger, routesOf, type Reply, type Request, type Route } from '../routes.js'
import { taskAnswer } from '../task-answer.js'
import { readCloneSpecs } from '../vm-requests.js'
import { snapshotDto } from './vm-dto.js'

const route = routesOf('v2.0')

/** Snapshots of virtual machines; of volume groups v2.0 has none. */
export const snapshotRoutes: readonly Route[] = [
  route('GET', '/snapshots', ({ cluster, query }) => {
    const entities = cluster.vmSnapshots.list(query.get('vm_uuid') || undefined).map(snapshotDto)
    return { body: { metadata: { grand_total_entities: entities.length, total_entities: entities.length }, entities } }
  }),
  route('POST', '/snapshots', (request) => {
    const specs = (bodyOf(request).objects('snapshot_specs') ?? []).map(readSpec)
    return taskAnswer(request, request.cluster.vmSnapshots.create(specs))
  }),
  route('GET', '/snapshots/{uuid}', (request) => ({ body: snapshotDto(snapshotOf(request)) })),
  route('DELETE', '/snapshots/{uuid}', (request) => {
    const timestamp = queryInteger(request.query, 'logical_timestamp')
    return taskAnswer(request, request.cluster.vmSnapshots.delete(snapshotOf(request), timestamp))
  }),
  route('POST', '/snapshots/{uuid}/clone', cloneSnapshot),
]

function cloneSnapshot(request: Request): Reply {
  const snapshot = snapshotOf(request)
  const source = { vm: snapshot.vm, entity: snapshotEntity(snapshot.uuid) }
  const specs = readCloneSpecs(Fields.of(request.body ?? {}))
  return taskAnswer(request, request.cluster.vms.clone(source, specs))
}

function readSpec(fields: Fields): SnapshotRequest {
  const vmUuid = readUuid(fields.string('vm_uuid'))
  if (vmUuid === undefined) throw new WireError(400, 'Field vm_uuid is missing', errorCodes.badRequest)
  return { uuid: readUuid(fields.string('uuid')), name: fields.string('snapshot_name'), vmUuid }
}

function snapshotOf({ cluster, parameters }: Request): VmSnapshotRecord {
  return cluster.vmSnapshots.require(parameters.uuid ?? '')
}
