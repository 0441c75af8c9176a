import { isFinished } from '../../tasks.js'
import type { TaskRecord } from '../../store/records.js'
import { errorCodes, WireError } from '../../wire-error.js'
import { queryBoolean, queryInteger, type Reply, type Request, type Route } from '../routes.js'

export const oldTaskRoutes: readonly Route[] = [
  { api: 'v0.8', method: 'GET', path: '/tasks', answer: listTasks },
  { api: 'v0.8', method: 'GET', path: '/tasks/{taskid}', answer: (request) => ({ body: oldTaskDto(taskOf(request)) }) },
  { api: 'v0.8', method: 'GET', path: '/tasks/{taskid}/poll', answer: pollTask },
]

/** Names of operations in v0.8's specification; the current ones are CamelCase. */
const oldOperations: Readonly<Record<string, string>> = {
  VolumeGroupCreate: 'VOLUME_GROUP_CREATE',
  VolumeGroupClone: 'VOLUME_GROUP_CLONE',
  VolumeGroupDelete: 'VOLUME_GROUP_DELETE',
  VolumeGroupAttachVm: 'VOLUME_GROUP_ATTACH_VM',
  VolumeGroupDetachVm: 'VOLUME_GROUP_ATTACH_VM',
  VolumeDiskCreate: 'VOLUME_DISK_CREATE',
  VolumeDiskDelete: 'VOLUME_DISK_DELETE',
  VmCreate: 'VM_CREATE',
  VmClone: 'VM_CLONE',
  VmUpdate: 'VM_UPDATE',
  VmDelete: 'VM_DELETE',
  VmChangePowerState: 'VM_SET_POWER_STATE',
  VmRestore: 'VM_RESTORE',
  VmDiskCreate: 'DISK_CREATE',
  VmDiskUpdate: 'DISK_UPDATE',
  VmDiskDelete: 'DISK_DELETE',
  VmNicCreate: 'NIC_CREATE',
  VmNicUpdate: 'NIC_UPDATE',
  VmNicDelete: 'NIC_DELETE',
  SnapshotCreate: 'SNAPSHOT_CREATE',
  SnapshotDelete: 'SNAPSHOT_DELETE',
  ImageCreate: 'IMAGE_CREATE',
  ImageUpdate: 'IMAGE_UPDATE',
  ImageDelete: 'IMAGE_DELETE',
}

/** Status in Title-case as the current API was recorded to have it (assumed for v0.8). */
export function oldTaskDto(task: TaskRecord): object {
  return {
    uuid: task.uuid,
    metaRequest: { methodName: task.operation },
    ...(isFinished(task) && {
      metaResponse:
        task.status === 'Succeeded'
          ? { error: 'kNoError' }
          : { error: 'kInternalError', errorDetail: task.errorDetail ?? '' },
    }),
    createTime: task.createdUsecs,
    ...(task.startedUsecs !== undefined && { startTime: task.startedUsecs }),
    ...(task.completedUsecs !== undefined && { completeTime: task.completedUsecs }),
    lastUpdatedTime: task.completedUsecs ?? task.startedUsecs ?? task.createdUsecs,
    entityList: task.entities.map(({ uuid, type }) => ({ uuid, entityType: type, entityName: null })),
    operationType: oldOperations[task.operation] ?? task.operation,
    message: '',
    percentageComplete: task.percent,
    progressStatus: task.status,
    subtaskUuidList: [],
  }
}

function listTasks({ cluster, query }: Request): Reply {
  const wanted = (query.get('entityUuids') ?? '').split(',').filter((uuid) => uuid !== '')
  const includeCompleted = queryBoolean(query, 'includeCompleted') ?? false
  const found = cluster.tasks
    .list()
    .filter((task) => includeCompleted || !isFinished(task))
    .filter((task) => wanted.length === 0 || task.entities.some((entity) => wanted.includes(entity.uuid)))
  const tasks = found.slice(0, queryInteger(query, 'count') ?? found.length)
  return {
    body: {
      metadata: { grandTotalEntities: found.length, totalEntities: found.length, count: tasks.length },
      entities: tasks.map(oldTaskDto),
    },
  }
}

/** The old plugin's wait: `?timeoutseconds=5`, at most 1800 (specification). */
async function pollTask(request: Request): Promise<Reply> {
  const { uuid } = taskOf(request)
  const seconds = Math.min(Math.max(queryInteger(request.query, 'timeoutseconds') ?? 30, 0), 1800)
  await request.cluster.tasks.waitForAny([uuid], seconds * 1000)
  const task = taskOf(request)
  return { body: { taskInfo: oldTaskDto(task), isUnrecognized: false, timedOut: !isFinished(task) } }
}

function taskOf({ cluster, parameters }: Request): TaskRecord {
  const task = cluster.tasks.find(parameters.taskid?.toLowerCase() ?? '')
  if (task) return task
  throw new WireError(
    cluster.behaviour.unknownStatus,
    `Task ${parameters.taskid ?? ''} does not exist`,
    errorCodes.notFound,
  )
}
