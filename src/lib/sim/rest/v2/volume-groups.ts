import { errorCodes, WireError } from '../../wire-error.js'
import { readContainer, readSize } from '../disk-requests.js'
import { Fields, readUuid, toCamel } from '../fields.js'
import { bodyOf, queryBoolean, queryInteger, routesOf, type Reply, type Request, type Route } from '../routes.js'
import { taskAnswer } from '../task-answer.js'
import { clientDto, groupDto, updatedGroupDto, type GroupDetail } from './volume-group-dto.js'
import { readAuthentication, readClients, readDisk, readExternal, readSettings } from './volume-group-requests.js'

/** Volume groups of one API version: v0.8 is v2.0 in camelCase, with a bare array for the list. */
export function volumeGroupRoutes(api: 'v2.0' | 'v0.8'): Route[] {
  const route = routesOf(api)
  return [
    route('GET', '/volume_groups', listGroups),
    route('POST', '/volume_groups', createGroup),
    route('GET', '/volume_groups/{uuid}', (request) => {
      const group = groupOf(request)
      return reply(request, groupDto(request.cluster, group, detailOf(request)))
    }),
    route('PUT', '/volume_groups/{uuid}', updateGroup),
    route('DELETE', '/volume_groups/{uuid}', (request) =>
      taskAnswer(request, request.cluster.groups.delete(groupOf(request), timestampOf(request))),
    ),
    route('POST', '/volume_groups/{uuid}/clone', cloneGroup),
    route('POST', '/volume_groups/{uuid}/open', (request) => openOrClose(request, 'ATTACH')),
    route('POST', '/volume_groups/{uuid}/close', (request) => openOrClose(request, 'DETACH')),
    route('POST', '/volume_groups/{uuid}/attach', (request) => attachOrDetach(request, 'ATTACH')),
    route('POST', '/volume_groups/{uuid}/detach', (request) => attachOrDetach(request, 'DETACH')),
    route('POST', '/volume_groups/{uuid}/disks', (request) => {
      const disk = readDisk(bodyOf(request))
      return taskAnswer(request, request.cluster.groups.addDisk(groupOf(request), disk))
    }),
    route('PUT', '/volume_groups/{uuid}/disks', updateDisk),
    route('DELETE', '/volume_groups/{uuid}/disks/{index}', (request) => {
      const index = Fields.of(request.parameters).integer('index') ?? -1
      return taskAnswer(request, request.cluster.groups.removeDisk(groupOf(request), index, timestampOf(request)))
    }),
  ]
}

export const volumeGroupReportRoutes: readonly Route[] = [
  {
    api: 'v2.0',
    method: 'GET',
    path: '/volume_groups/health_check_summary',
    answer: ({ cluster, query }) => ({
      body: {
        entity_type: 'VOLUME_GROUP',
        filter_criteria: query.get('filter_criteria') ?? '',
        health_summary: { Good: cluster.store.groups.size },
        detailed_check_summary: {},
        checks_in_error: {},
      },
    }),
  },
  {
    api: 'v2.0',
    method: 'GET',
    path: '/volume_groups/{uuid}/stats',
    answer: (request) => {
      groupOf(request)
      return { body: statsDto(request.query) }
    },
  },
]

export const iscsiClientRoutes: readonly Route[] = [
  {
    api: 'v2.0',
    method: 'GET',
    path: '/iscsi_clients',
    answer: ({ cluster }) => ({ body: collection(cluster.clients.list().map(clientDto)) }),
  },
  {
    api: 'v2.0',
    method: 'GET',
    path: '/iscsi_clients/{uuid}',
    answer: (request) => ({ body: clientDto(clientOf(request)) }),
  },
  {
    api: 'v2.0',
    method: 'PUT',
    path: '/iscsi_clients/{uuid}',
    answer: (request) => {
      const authentication = readAuthentication(bodyOf(request))
      return { body: clientDto(request.cluster.groups.updateClient(clientOf(request), authentication)) }
    },
  },
]

/** Fields that came after v0.8; its `containerId` is not in its specification, but its users read it (recorded). */
const newerThanOld = new Set(['storage_container_id', 'storage_container_uuid', 'vmdisk_size_bytes', 'vmdisk_path'])

/** Metrics nobody measures here: known, successful, without values. */
export function statsDto(query: URLSearchParams): object {
  const start = queryInteger(query, 'start_time_in_usecs') ?? queryInteger(query, 'start_time_usecs')
  const interval = queryInteger(query, 'interval_in_secs') ?? 30
  const metrics = query.getAll('metrics').flatMap((metric) => metric.split(','))
  return {
    stats_specific_responses: metrics.map((metric) => ({
      successful: true,
      metric,
      start_time_in_usecs: start ?? 0,
      interval_in_secs: interval,
      values: [],
    })),
  }
}

/** Recorded for volume groups and vstores: total_entities is 0 whatever there is. */
function collection(entities: readonly object[]): object {
  return { metadata: { grand_total_entities: entities.length, total_entities: 0, count: entities.length }, entities }
}

function listGroups(request: Request): Reply {
  const { cluster, api } = request
  const detail = detailOf(request)
  const groups = cluster.groups.list().map((group) => groupDto(cluster, group, detail))
  return reply(request, api === 'v0.8' ? groups : collection(groups))
}

function createGroup(request: Request): Reply {
  const fields = bodyOf(request)
  const uuid = readUuid(fields.string('uuid'))
  const disks = (fields.objects('disk_list') ?? []).map(readDisk)
  const clients = readClients(fields) ?? []
  return taskAnswer(request, request.cluster.groups.create({ ...readSettings(fields), uuid, disks, clients }))
}

function cloneGroup(request: Request): Reply {
  const source = groupOf(request)
  const fields = bodyOf({ ...request, body: request.body ?? {} })
  const uuid = readUuid(fields.string('uuid'))
  const logicalTimestamp = fields.integer('logical_timestamp')
  return taskAnswer(request, request.cluster.groups.clone(source, { ...readSettings(fields), uuid, logicalTimestamp }))
}

async function updateGroup(request: Request): Promise<Reply> {
  const group = groupOf(request)
  const fields = bodyOf(request)
  const clients = readClients(fields)
  const change = { ...readSettings(fields), clients, logicalTimestamp: fields.integer('logical_timestamp') }
  const updated = await request.cluster.groups.update(group, change)
  const full = request.cluster.behaviour.updateResponse === 'full'
  return reply(
    request,
    full
      ? groupDto(request.cluster, updated, { size: true, path: true, clientAuthentication: true })
      : updatedGroupDto(updated),
  )
}

async function openOrClose(request: Request, operation: 'ATTACH' | 'DETACH'): Promise<Reply> {
  const group = groupOf(request)
  const fields = bodyOf(request)
  checkOperation(fields, operation)
  const { address, clientUuid, authentication } = readExternal(fields)
  const logicalTimestamp = fields.integer('logical_timestamp')
  const { groups, store } = request.cluster
  if (operation === 'DETACH') await groups.close(group, { address, clientUuid }, logicalTimestamp)
  else {
    const known = address ?? store.clients.get(clientUuid?.toLowerCase() ?? '')?.address
    if (known === undefined)
      throw new WireError(
        request.cluster.behaviour.unknownStatus,
        `iSCSI client ${clientUuid ?? ''} does not exist`,
        errorCodes.notFound,
      )
    groups.open(group, { address: known, ...(authentication && { authentication }) }, logicalTimestamp)
  }
  return { body: { value: true } }
}

function attachOrDetach(request: Request, operation: 'ATTACH' | 'DETACH'): Reply {
  const group = groupOf(request)
  const fields = bodyOf(request)
  checkOperation(fields, operation)
  const vmUuid = readUuid(fields.string('vm_uuid'))
  if (vmUuid === undefined) throw new WireError(400, 'Field vm_uuid is missing', errorCodes.badRequest)
  const logicalTimestamp = fields.integer('logical_timestamp')
  const vmTimestamp = fields.integer('vm_logical_timestamp')
  const { groups } = request.cluster
  return taskAnswer(
    request,
    operation === 'ATTACH'
      ? groups.attachVm(group, vmUuid, fields.integer('index'), logicalTimestamp, vmTimestamp)
      : groups.detachVm(group, vmUuid, logicalTimestamp, vmTimestamp),
  )
}

async function updateDisk(request: Request): Promise<Reply> {
  const group = groupOf(request)
  const fields = bodyOf(request)
  const index = fields.integer('index')
  if (index === undefined) throw new WireError(400, 'Field index is missing', errorCodes.badRequest)
  const upgrade = fields.object('upgrade_spec')
  const disk = await request.cluster.groups.updateDisk(group, {
    index,
    flashMode: fields.boolean('flash_mode_enabled'),
    ...(upgrade && { sizeBytes: readSize(upgrade), container: readContainer(upgrade) }),
  })
  return reply(request, { flash_mode_enabled: disk.flashMode ?? group.flashMode ?? false })
}

/** An `operation` may be left out, but must not contradict the path. */
function checkOperation(fields: Fields, expected: 'ATTACH' | 'DETACH'): void {
  const operation = fields.choice(['ATTACH', 'DETACH'], 'operation')
  if (operation !== undefined && operation !== expected)
    throw new WireError(400, `Operation ${operation} contradicts the path`, errorCodes.badRequest)
}

function groupOf(request: Request): ReturnType<Request['cluster']['groups']['require']> {
  return request.cluster.groups.require(request.parameters.uuid ?? '')
}

function clientOf({ cluster, parameters }: Request): Parameters<typeof clientDto>[0] {
  const client = cluster.store.clients.get(parameters.uuid?.toLowerCase() ?? '')
  if (client) return client
  throw new WireError(
    cluster.behaviour.unknownStatus,
    `iSCSI client ${parameters.uuid ?? ''} does not exist`,
    errorCodes.notFound,
  )
}

/** Specification: both are there unless switched off. */
function detailOf({ query, api }: Request): GroupDetail {
  return {
    size: queryBoolean(query, 'include_disk_size') ?? queryBoolean(query, 'includeDiskSize') ?? true,
    path: queryBoolean(query, 'include_disk_path') ?? queryBoolean(query, 'includeDiskPath') ?? true,
    clientAuthentication: api === 'v2.0',
  }
}

function timestampOf({ query }: Request): number | undefined {
  return queryInteger(query, 'logical_timestamp') ?? queryInteger(query, 'logicalTimestamp')
}

function reply(request: Request, body: unknown): Reply {
  return { body: request.api === 'v2.0' ? body : toCamel(body, newerThanOld) }
}
