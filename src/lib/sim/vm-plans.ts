import { randomUUID } from 'node:crypto'
import type { StorageContainers } from './containers.js'
import type { DiskPlans, DiskRequest } from './disk-plans.js'
import type { SimulatorBehaviour } from './simulator.js'
import type {
  BootRecord,
  CustomizationRecord,
  DiskBus,
  DiskSource,
  NicPlan,
  VmChange,
  VmDiskPlan,
  VmGroupPlan,
  VmPlan,
  VmRecord,
} from './store/machine-records.js'
import type { Store } from './store/store.js'
import { errorCodes, WireError } from './wire-error.js'

/** Recorded. */
const customizationIsoBytes = 382_976
const customizationFolder = '.vm_customization_isos'
/** Where the recorded ISO lies. */
const customizationContainer = 'SelfServiceContainer'

export interface DriveRequest extends Pick<DiskRequest, 'create' | 'clone'> {
  bus?: DiskBus
  index?: number
  cdrom: boolean
  empty: boolean
  flashMode?: boolean
  scsiPassthrough?: boolean
  groupUuid?: string
}

export type NicRequest = Omit<NicPlan, 'uuid' | 'connected'> & { connected?: boolean }

export interface Customization extends CustomizationRecord {
  container?: string
}

export interface VmRequest extends VmChange {
  uuid?: string
  drives: readonly DriveRequest[]
  nics: readonly NicRequest[]
  customization?: Customization
}

export interface CloneRequest {
  uuid?: string
  name?: string
  memoryMb?: number
  vcpus?: number
  coresPerVcpu?: number
  boot?: BootRecord
  /** Instead of the source's. */
  nics?: readonly NicRequest[]
}

/** Turns requests for machines into what a task is to make; each refusal is thrown. */
export class VmPlans {
  constructor(
    private readonly store: Store,
    private readonly containers: StorageContainers,
    private readonly disks: DiskPlans,
    private readonly behaviour: SimulatorBehaviour,
  ) {}

  machine(request: VmRequest): VmPlan {
    const { name, memoryMb, vcpus } = request
    if (memoryMb === undefined || vcpus === undefined) throw this.refuse('A VM needs memory_mb and num_vcpus')
    const change: VmChange = { ...request, coresPerVcpu: request.coresPerVcpu ?? 1 }
    this.checkChange({ ...change, name: name ?? '' })
    const { disks, groups } = this.drives(request.drives)
    const { customization } = request
    return {
      vm: {
        uuid: request.uuid ?? randomUUID(),
        name: name ?? '',
        ...(request.description !== undefined && { description: request.description }),
        logicalTimestamp: 0,
        memoryMb,
        vcpus,
        coresPerVcpu: request.coresPerVcpu ?? 1,
        // Specified as the default.
        timezone: request.timezone ?? 'UTC',
        haPriority: request.haPriority ?? 0,
        powerState: 'off',
        ...(request.boot && { boot: request.boot }),
        agentVm: request.agentVm ?? false,
        vgaConsole: request.vgaConsole ?? true,
        disks: [],
        nics: [],
        ...(customization && { customization: recordOf(customization) }),
        createdAtMs: 0,
      },
      disks: customization ? [...disks, this.customizationDrive(customization)] : disks,
      groups,
      nics: this.nics(request.nics),
    }
  }

  /** A machine like the source, a snapshot's too: with copies of its disks, without its volume groups (assumed). */
  clone(source: VmRecord, request: CloneRequest, customization?: Customization): VmPlan {
    const { name, memoryMb, vcpus, coresPerVcpu, boot } = request
    this.checkChange({ name: name ?? '', memoryMb, vcpus, coresPerVcpu })
    const drives = source.disks
      .filter(({ source: origin }) => !(customization && isCustomization(origin)))
      .map(({ disk, ...drive }): VmDiskPlan => {
        if (!disk) return { ...drive, deviceUuid: randomUUID() }
        const plan = { ...disk, uuid: randomUUID(), sourceUuid: disk.uuid }
        // A customization ISO stays one, that a later clone can do without.
        const kept = drive.source && 'path' in drive.source ? drive.source : { diskUuid: disk.uuid }
        return { ...drive, deviceUuid: randomUUID(), plan, source: kept }
      })
    return {
      vm: {
        ...source,
        uuid: request.uuid ?? randomUUID(),
        name: name ?? '',
        logicalTimestamp: 0,
        powerState: 'off',
        hostUuid: undefined,
        ...(memoryMb !== undefined && { memoryMb }),
        ...(vcpus !== undefined && { vcpus }),
        ...(coresPerVcpu !== undefined && { coresPerVcpu }),
        ...(boot && { boot }),
        disks: [],
        nics: [],
        ...(customization && { customization: recordOf(customization) }),
        createdAtMs: 0,
      },
      disks: customization ? [...drives, this.customizationDrive(customization)] : drives,
      groups: [],
      // Specified: as the source has them, without MAC and IP address.
      nics: this.nics(
        request.nics ?? source.nics.map(({ networkUuid, connected, model }) => ({ networkUuid, connected, model })),
      ),
    }
  }

  drives(requests: readonly DriveRequest[]): { disks: VmDiskPlan[]; groups: VmGroupPlan[] } {
    const disks: VmDiskPlan[] = []
    const groups: VmGroupPlan[] = []
    for (const request of requests)
      if (request.groupUuid === undefined) disks.push(this.drive(request))
      else groups.push(this.group(request.groupUuid, request))
    return { disks, groups }
  }

  nics(requests: readonly NicRequest[]): NicPlan[] {
    return requests.map((request): NicPlan => {
      const { connected = true, macAddress, ...rest } = request
      if (!this.store.networks.has(request.networkUuid))
        throw this.refuse(`Network ${request.networkUuid} does not exist`, errorCodes.notFound)
      if (macAddress !== undefined && !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(macAddress))
        throw this.refuse(`Invalid MAC address "${macAddress}"`)
      return { ...rest, uuid: randomUUID(), connected, ...(macAddress !== undefined && { macAddress }) }
    })
  }

  checkChange({ name, memoryMb, vcpus, coresPerVcpu, description }: VmChange): void {
    if (name !== undefined && (name.trim() === '' || name.length > 256)) throw this.refuse(`Invalid VM name "${name}"`)
    if (description !== undefined && description.length > this.behaviour.maxDescriptionLength)
      throw this.refuse(`VM description is longer than ${this.behaviour.maxDescriptionLength} characters`)
    for (const [what, value] of Object.entries({ memory_mb: memoryMb, num_vcpus: vcpus, coresPerVcpu }))
      if (value !== undefined && (!Number.isInteger(value) || value < 1)) throw this.refuse(`Invalid ${what} ${value}`)
  }

  private drive(request: DriveRequest): VmDiskPlan {
    const { cdrom, create, clone } = request
    const drive: VmDiskPlan = {
      // Specified: disks on the SCSI bus, CD-ROM drives on the IDE bus.
      bus: request.bus ?? (cdrom ? 'IDE' : 'SCSI'),
      ...(request.index !== undefined && { index: request.index }),
      deviceUuid: randomUUID(),
      cdrom,
      ...(request.flashMode !== undefined && { flashMode: request.flashMode }),
      scsiPassthrough: request.scsiPassthrough ?? true,
    }
    // Specified: what an empty CD-ROM drive is to hold is not looked at.
    if (cdrom && (request.empty || (!create && !clone))) return drive
    const plan = this.disks.plan({ create, clone })
    if (!clone) return { ...drive, plan }
    const byPath = clone.diskUuid === undefined && clone.path !== undefined
    const source = byPath ? { path: clone.path ?? '' } : { diskUuid: plan.sourceUuid ?? '' }
    return { ...drive, plan, source }
  }

  private group(groupUuid: string, { bus, index }: DriveRequest): VmGroupPlan {
    if (!this.store.groups.has(groupUuid))
      throw this.refuse(`Volume group ${groupUuid} does not exist`, errorCodes.notFound)
    if (bus !== undefined && bus !== 'SCSI') throw this.refuse('A volume group is attached to the SCSI bus')
    return { groupUuid, ...(index !== undefined && { index }) }
  }

  /** Its file gets its content when the machine is booted. */
  private customizationDrive({ container: wanted }: Customization): VmDiskPlan {
    const container = this.containers.require(wanted ?? customizationContainer, this.behaviour.refusedStatus)
    return {
      bus: 'IDE',
      deviceUuid: randomUUID(),
      cdrom: true,
      scsiPassthrough: true,
      plan: { uuid: randomUUID(), sizeBytes: customizationIsoBytes, containerUuid: container.uuid },
      source: { path: `/${container.name}/${customizationFolder}/${randomUUID()}.iso` },
    }
  }

  private refuse(message: string, code: number = errorCodes.badRequest): WireError {
    return new WireError(this.behaviour.refusedStatus, message, code)
  }
}

/** Whether a drive holds the machine's customization. */
export function isCustomization(source: DiskSource | undefined): boolean {
  return source !== undefined && 'path' in source && source.path.includes(`/${customizationFolder}/`)
}

function recordOf({ userData, userDataPath }: Customization): CustomizationRecord {
  return { ...(userData !== undefined && { userData }), ...(userDataPath !== undefined && { userDataPath }) }
}
