import { prepareImageJob } from './image-jobs.js'
import { makeDisks, type JobParts } from './job-parts.js'
import type { AttachmentRecord, DiskPlan, DiskRecord, GroupJob, GroupRecord, Job } from './store/records.js'
import type { Prepared } from './tasks.js'
import { Slots } from './vm-disks.js'
import { advanceVm, prepareVmJob, requireVm, withoutVm, withVm } from './vm-jobs.js'
import { prepareVmSnapshotJob } from './vm-snapshot-jobs.js'
import { advance } from './volume-groups.js'
import { errorCodes, WireError } from './wire-error.js'

/** What each task does: slow work first, then one commit that checks again what may have changed meanwhile. */
export async function prepareJob(parts: JobParts, job: Job, signal: AbortSignal): Promise<Prepared> {
  switch (job.kind) {
    case 'create':
    case 'clone':
      return prepareGroup(parts, job)
    case 'delete':
      return prepareDelete(parts, job.groupUuid)
    case 'add-disk':
      return prepareAddDisk(parts, job.groupUuid, job.disk)
    case 'remove-disk':
      return prepareRemoveDisk(parts, job.groupUuid, job.index)
    case 'attach-vm':
      return prepareAttachVm(parts, job)
    case 'detach-vm':
      return prepareDetachVm(parts, job)
    case 'import-image':
    case 'clone-image':
    case 'update-image':
    case 'delete-image':
      return prepareImageJob(parts, job, signal)
    case 'snapshot-vms':
    case 'delete-vm-snapshot':
    case 'restore-vm':
      return prepareVmSnapshotJob(parts, job)
    default:
      return prepareVmJob(parts, job)
  }
}

async function prepareGroup(parts: JobParts, job: Extract<GroupJob, { kind: 'create' | 'clone' }>): Promise<Prepared> {
  await makeDisks(parts, job.disks)
  return {
    commit() {
      parts.rules.checkFree(job.group)
      if (job.kind === 'clone') requireGroup(parts, job.sourceUuid)
      const requests = job.kind === 'create' ? job.clients : []
      const resolved = requests.map((request) => parts.clients.resolve(request))
      // Recorded: 3 after create, disk, attach. So each of the three counts one (assumed for a create that does all).
      const steps = [true, job.disks.length > 0, resolved.length > 0].filter(Boolean).length
      const group: GroupRecord = {
        ...job.group,
        logicalTimestamp: steps,
        disks: placeDisks(job.disks, []),
        attachments: resolved.map(({ client }): AttachmentRecord => ({ clientUuid: client.uuid })),
        createdAtMs: Date.now(),
      }
      return { put: { groups: [group], clients: resolved.flatMap(({ client, changed }) => (changed ? [client] : [])) } }
    },
    undo: () => parts.disks.remove(job.disks.map((disk) => disk.uuid)),
  }
}

function prepareDelete(parts: JobParts, groupUuid: string): Prepared {
  let disks: readonly DiskRecord[] = []
  return {
    commit() {
      const group = requireGroup(parts, groupUuid)
      if (group.attachments.length > 0)
        throw new WireError(500, parts.behaviour.deleteAttachedText, errorCodes.attached)
      disks = group.disks
      return { remove: { groups: [groupUuid] } }
    },
    after: async () => {
      // The files go when the record is gone for good: a crash before must find both.
      await parts.store.durable()
      for (const disk of disks) parts.iscsi().diskRemoved(disk.uuid)
      await parts.disks.remove(disks.map((disk) => disk.uuid))
    },
  }
}

async function prepareAddDisk(parts: JobParts, groupUuid: string, plan: DiskPlan): Promise<Prepared> {
  await makeDisks(parts, [plan])
  return {
    commit() {
      const group = requireGroup(parts, groupUuid)
      if (group.disks.some((disk) => disk.index === plan.index))
        throw new WireError(500, `Disk index ${plan.index} is not free`, errorCodes.exists)
      return { put: { groups: [advance({ ...group, disks: placeDisks([plan], group.disks) })] } }
    },
    undo: () => parts.disks.remove([plan.uuid]),
    after() {
      tellLunsChanged(parts, groupUuid)
      return Promise.resolve()
    },
  }
}

function prepareRemoveDisk(parts: JobParts, groupUuid: string, index: number): Prepared {
  let removed: DiskRecord | undefined
  return {
    commit() {
      const group = requireGroup(parts, groupUuid)
      removed = group.disks.find((disk) => disk.index === index)
      if (!removed)
        throw new WireError(500, `Volume group ${group.name} has no disk at index ${index}`, errorCodes.notFound)
      return { put: { groups: [advance({ ...group, disks: group.disks.filter((disk) => disk !== removed) })] } }
    },
    after: async () => {
      await parts.store.durable()
      if (!removed) return
      parts.iscsi().diskRemoved(removed.uuid)
      tellLunsChanged(parts, groupUuid)
      await parts.disks.remove([removed.uuid])
    },
  }
}

function prepareAttachVm(parts: JobParts, job: Extract<GroupJob, { kind: 'attach-vm' }>): Prepared {
  return {
    commit() {
      const group = requireGroup(parts, job.groupUuid)
      const vm = requireVm(parts, job)
      const index = Slots.of(parts.store, vm).take('SCSI', job.index)
      return { put: { groups: [withVm(group, vm.uuid, index)], vms: [advanceVm(vm)] } }
    },
    after: () => parts.machines().follow(job.vmUuid),
  }
}

async function prepareDetachVm(parts: JobParts, job: Extract<GroupJob, { kind: 'detach-vm' }>): Promise<Prepared> {
  const machine = parts.store.vms.get(job.vmUuid)
  const isAttached = parts.store.groups
    .get(job.groupUuid)
    ?.attachments.some((attachment) => 'vmUuid' in attachment && attachment.vmUuid === job.vmUuid)
  if (machine && isAttached) await parts.machines().unplug(machine, [{ groupUuid: job.groupUuid }])
  return {
    undo: () => parts.machines().follow(job.vmUuid),
    commit() {
      const groups = [withoutVm(requireGroup(parts, job.groupUuid), job.vmUuid)]
      // Clusters of an earlier acs may have attached groups to machines that never were.
      const vm = parts.store.vms.has(job.vmUuid) ? requireVm(parts, job) : undefined
      return { put: { groups, vms: vm ? [advanceVm(vm)] : [] } }
    },
  }
}

/** Disks without a wish take the lowest free index, in order. */
function placeDisks(plans: readonly DiskPlan[], present: readonly DiskRecord[]): DiskRecord[] {
  const taken = new Set([...present.map((disk) => disk.index), ...plans.flatMap((plan) => plan.index ?? [])])
  const placed = plans.map((plan): DiskRecord => {
    let index = plan.index
    if (index === undefined) {
      index = 0
      while (taken.has(index)) index += 1
      taken.add(index)
    }
    const { uuid, sizeBytes, containerUuid, flashMode } = plan
    return { index, uuid, sizeBytes, containerUuid, ...(flashMode !== undefined && { flashMode }) }
  })
  return [...present, ...placed].sort((a, b) => a.index - b.index)
}

function tellLunsChanged(parts: JobParts, groupUuid: string): void {
  const group = parts.store.groups.get(groupUuid)
  if (group) parts.iscsi().lunsChanged(group)
}

function requireGroup(parts: JobParts, uuid: string): GroupRecord {
  const group = parts.store.groups.get(uuid)
  if (group) return group
  throw new WireError(500, `Volume group ${uuid} does not exist`, errorCodes.notFound)
}
