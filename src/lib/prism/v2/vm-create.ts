import { randomUUID } from 'node:crypto'
import type { MutationOptions, TaskReference, Vm, VmCloneSpec, VmSpec } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { bringForth, type Wanted } from './bring-forth.js'
import { onMachine } from './machine-refusal.js'
import { inMebibytes, optional } from './request-body.js'
import { vmDiskOf } from './vm-disks.js'
import { vmNicOf } from './vm-nics.js'
import { findVm, listVms, vmPath } from './vms.js'

/**
 * Makes a machine, off, under a uuid chosen here, so that a repeat meets its first try. Resolves when it can be read
 * with all its disks and interfaces. Throws EACSEXISTS, EACSNORESOURCES, EACSTASKFAILED, EACSPRISM.
 */
export function createVm(
  http: PrismHttp,
  spec: VmSpec,
  options: MutationOptions = {},
): Promise<TaskReference & { uuid: string }> {
  const wanted = wantedVm(http, spec, { disks: spec.disks.length, nics: spec.nics.length })
  const body = {
    uuid: wanted.uuid,
    name: spec.name,
    ...optional('description', spec.description),
    memory_mb: inMebibytes(spec.memoryBytes),
    num_vcpus: spec.vcpus,
    num_cores_per_vcpu: spec.coresPerVcpu ?? 1,
    ...optional('timezone', spec.timezone),
    ...(spec.uefi === undefined ? {} : { boot: { uefi_boot: spec.uefi } }),
    vm_disks: spec.disks.map(vmDiskOf),
    vm_nics: spec.nics.map(vmNicOf),
    ...customization(spec.userData),
  }
  return onMachine(wanted, () => bringForth(http, '/vms/', body, wanted, options))
}

/** Clones a machine with its disks. Same guarantees and errors as create, and EACSNOTFOUND for an unknown source. */
export function cloneVm(
  http: PrismHttp,
  uuid: string,
  clone: VmCloneSpec,
  options: MutationOptions = {},
): Promise<TaskReference & { uuid: string }> {
  const wanted = wantedVm(http, clone, { disks: 0, nics: clone.nics?.length ?? 0 })
  const spec = {
    name: clone.name,
    uuid: wanted.uuid,
    ...optional('memory_mb', clone.memoryBytes === undefined ? undefined : inMebibytes(clone.memoryBytes)),
    ...optional('num_vcpus', clone.vcpus),
    ...optional('num_cores_per_vcpu', clone.coresPerVcpu),
    ...(clone.nics === undefined ? {} : { override_network_config: true, vm_nics: clone.nics.map(vmNicOf) }),
  }
  const body = { spec_list: [spec], ...customization(clone.userData) }
  return onMachine(wanted, () => bringForth(http, vmPath(uuid, '/clone'), body, wanted, options))
}

/** Plain text, which v2 takes as it is, and v3 and v4 in base64. `redactFields` keeps it out of logs by its key. */
function customization(userData: string | undefined): Record<string, unknown> {
  if (userData === undefined) return {}
  return { vm_customization_config: { datasource_type: 'CONFIG_DRIVE_V2', userdata: userData } }
}

function wantedVm(
  http: PrismHttp,
  { uuid, name }: { uuid?: string; name: string },
  counts: { disks: number; nics: number },
): Wanted<Vm> {
  return {
    what: 'VM',
    uuid: uuid ?? randomUUID(),
    name,
    taskEntity: /^vm$/i,
    find: (found, options) => findVm(http, found, options),
    lacks: ({ disks, nics }) => {
      if (disks.length < counts.disks) return `${disks.length} of ${counts.disks} disks`
      return nics.length < counts.nics ? `${nics.length} of ${counts.nics} interfaces` : undefined
    },
    all: (options) => listVms(http, options),
    showCommand: `acs vm show ${name}`,
    listCommand: 'acs vm list',
  }
}
