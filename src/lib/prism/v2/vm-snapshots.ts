import { randomUUID } from 'node:crypto'
import type { InferOutput } from 'valibot'
import type { CallOptions, MutationOptions, TaskReference, VmSnapshot } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { bringForth } from './bring-forth.js'
import { listAll } from './collection.js'
import { ifKnown, readEntity, type EntityKind } from './entity.js'
import { changeMachine } from './machine-change.js'
import { onMachine } from './machine-refusal.js'
import { vmSnapshotSchema } from './machine-schema.js'
import { remove } from './removal.js'
import { dateOf } from './schema.js'
import { vmPath } from './vms.js'

export async function listVmSnapshots(
  http: PrismHttp,
  vmUuid?: string,
  options: CallOptions = {},
): Promise<VmSnapshot[]> {
  const entities = await listAll(http, vmSnapshotSchema, '/snapshots/', {
    ...(vmUuid === undefined ? {} : { query: { vm_uuid: vmUuid } }),
    deadline: options.deadline,
    doing: 'listing snapshots of VMs',
  })
  return entities
    .filter(({ deleted, vm_uuid }) => !deleted && (vmUuid === undefined || vm_uuid === vmUuid))
    .map(toSnapshot)
}

/** Under a uuid chosen here, so that a repeat meets its first try. Resolves when it can be read. */
export function createVmSnapshot(
  http: PrismHttp,
  vmUuid: string,
  name: string,
  options: MutationOptions = {},
): Promise<TaskReference & { uuid: string }> {
  const wanted = {
    what: 'snapshot',
    uuid: randomUUID(),
    name,
    taskEntity: /^(?:vm_?)?snapshot$/i,
    find: (uuid: string, call: CallOptions) => findSnapshot(http, uuid, call),
    lacks: () => undefined,
    all: (call: CallOptions) => listVmSnapshots(http, vmUuid, call),
    showCommand: `acs vm snapshot list ${vmUuid}`,
    listCommand: `acs vm snapshot list ${vmUuid}`,
  }
  const body = { snapshot_specs: [{ vm_uuid: vmUuid, snapshot_name: name, uuid: wanted.uuid }] }
  return onMachine({ uuid: vmUuid }, () => bringForth(http, '/snapshots/', body, wanted, options))
}

export function deleteVmSnapshot(
  http: PrismHttp,
  snapshot: VmSnapshot,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const removal = {
    what: 'snapshot',
    path: snapshotPath(snapshot.uuid),
    find: (call: CallOptions) => findSnapshot(http, snapshot.uuid, call),
    lookCommand: `acs vm snapshot list ${snapshot.vmUuid}`,
  }
  return remove(http, snapshot, removal, options)
}

/**
 * Disks, settings and interfaces become those of the snapshot. Not repeated by itself after a lost answer: the first
 * restore may be done by then, and the machine started again.
 */
export function restoreVm(
  http: PrismHttp,
  vmUuid: string,
  snapshotUuid: string,
  options: MutationOptions = {},
): Promise<TaskReference> {
  const request = {
    method: 'POST' as const,
    path: vmPath(vmUuid, '/restore'),
    body: { uuid: vmUuid, snapshot_uuid: snapshotUuid, restore_network_configuration: true },
    doing: `restoring the VM ${vmUuid}`,
    what: 'a restore',
  }
  return changeMachine(http, { uuid: vmUuid }, request, options)
}

const snapshotKind: EntityKind<typeof vmSnapshotSchema> = {
  what: 'snapshot',
  schema: vmSnapshotSchema,
  path: snapshotPath,
  list: (http, options) => listVmSnapshots(http, undefined, options),
  listCommand: 'acs vm snapshot list',
}

/** One that is only waiting to be cleared away counts as gone: no call takes it any more. */
async function findSnapshot(http: PrismHttp, uuid: string, options: CallOptions): Promise<VmSnapshot | undefined> {
  const entity = await ifKnown(readEntity(http, snapshotKind, uuid, options))
  return entity && !entity.deleted ? toSnapshot(entity) : undefined
}

function snapshotPath(uuid: string): string {
  return `/snapshots/${encodeURIComponent(uuid)}`
}

function toSnapshot(entity: InferOutput<typeof vmSnapshotSchema>): VmSnapshot {
  return {
    uuid: entity.uuid,
    name: entity.snapshot_name ?? '',
    vmUuid: entity.vm_uuid ?? '',
    createdAt: dateOf(entity.created_time),
    logicalTimestamp: entity.logical_timestamp ?? 0,
  }
}
