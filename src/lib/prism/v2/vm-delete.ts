import { AcsError } from '../../base/errors.js'
import type { CallOptions, MutationOptions, TaskReference, Vm } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { onMachine } from './machine-refusal.js'
import { remove } from './removal.js'
import { findVm, vmPath } from './vms.js'

/**
 * Deletes a machine if it is still as we saw it; Prism powers it off by itself, hard. Throws EACSVMHASVOLUMES (conflict)
 * while a volume group is attached, EACSNOTFOUND, EACSSTALE, EACSTASKFAILED, EACSPRISM.
 */
export function deleteVm(
  http: PrismHttp,
  vm: Vm,
  options: MutationOptions & { withSnapshots?: boolean } = {},
): Promise<TaskReference> {
  const removal = {
    what: 'VM',
    path: vmPath(vm.uuid, '/'),
    query: { delete_snapshots: options.withSnapshots ?? false },
    find: (call: CallOptions) => findVm(http, vm.uuid, call),
    whyNot: hasVolumes,
    lookCommand: `acs vm show ${vm.name}`,
  }
  return onMachine(vm, () => remove(http, vm, removal, options))
}

/** Recorded: `Invalid Argument: 6 :Volume group at scsi.1 must be detached before deleting VM.` */
function hasVolumes(now: Vm, cause: AcsError): AcsError | undefined {
  if (!/volume group\b.*\bdetach/i.test(cause.message)) return undefined
  const volumeGroupUuids = now.disks.flatMap(({ volumeGroupUuid }) => volumeGroupUuid ?? [])
  const volumes = volumeGroupUuids.length === 0 ? ['VOLUME'] : volumeGroupUuids.slice(0, 5)
  return new AcsError(
    'conflict',
    'EACSVMHASVOLUMES',
    `the VM "${now.name}" has ${volumeGroupUuids.length > 1 ? `${volumeGroupUuids.length} volume groups` : 'a volume group'} attached, and is not deleted with it`,
    {
      cause,
      details: { ...cause.details, uuid: now.uuid, volumeGroupUuids },
      hints: volumes.map((volume) => `Detach it first: acs vm detach-volume ${now.name} ${volume}`),
    },
  )
}
