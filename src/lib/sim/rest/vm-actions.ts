import type { VmRecord } from '../store/machine-records.js'
import { bodyOf, queryBoolean, queryInteger, type Reply, type Request } from './routes.js'
import { taskAnswer } from './task-answer.js'
import { readPowerChange, readVm } from './vm-requests.js'

/** What clients do to machines in more than one API version: their requests differ in the case of the keys only. */
export function createVm(request: Request): Reply {
  return taskAnswer(request, request.cluster.vms.create(readVm(bodyOf(request))))
}

export function deleteVm(request: Request): Reply {
  const withSnapshots = queryBoolean(request.query, 'delete_snapshots') ?? false
  const timestamp = queryInteger(request.query, 'logical_timestamp')
  return taskAnswer(request, request.cluster.vms.delete(vmOf(request), withSnapshots, timestamp))
}

export function setPower(request: Request): Reply {
  const { transition, hostUuid, logicalTimestamp } = readPowerChange(bodyOf(request))
  return taskAnswer(request, request.cluster.vms.setPower(vmOf(request), transition, hostUuid, logicalTimestamp))
}

/** The machine that the path names. */
export function vmOf({ cluster, parameters }: Request): VmRecord {
  return cluster.vms.require(parameters.uuid ?? '')
}
