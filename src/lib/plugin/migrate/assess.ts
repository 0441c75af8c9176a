import type { VolumeGroup } from '../../prism/prism.js'
import { initiatorsOf, sameInitiator } from '../../volume/holder.js'
import { asVolume, isOurs, sizeOf } from '../../volume/volume.js'
import type { DockerContainer } from '../docker-api.js'
import type { Survey } from './survey.js'

/**
 * What stands in the way of taking a volume over.
 * `ready`: nobody has it attached. `managed`: acs's already. `here`, `elsewhere`, `vm`: attached to this host, to another
 * one, to a virtual machine. `missing`: Docker knows a volume the cluster has no group for. `ambiguous`: several groups
 * have the name. `taken`: Docker has a volume of that name with another driver. `no-disk`: a group without a disk 0.
 */
export type DvpState = 'ready' | 'managed' | 'here' | 'elsewhere' | 'vm' | 'missing' | 'ambiguous' | 'taken' | 'no-disk'

export interface DvpVolume {
  name: string
  /** Of the group; absent when there is none, or more than one. */
  uuid?: string
  sizeBytes?: number
  state: DvpState
  /** Docker on this host knows it as the old plugin's. */
  inDocker: boolean
  /** What the record says; the old plugin left none, and a disk's filesystem shows when it is attached. */
  filesystem?: string
  /** IQNs, addresses and virtual machines that have it; `this host` for this one's. */
  attachedTo: string[]
  containers: DockerContainer[]
}

/**
 * The old plugin's volumes: those that Docker knows as its own, and every group on the cluster that acs did not make,
 * as the old plugin left no mark on its groups. Sorted by name.
 */
export function assess(survey: Survey): DvpVolume[] {
  const { docker, groups } = survey
  const known = docker.reachable ? docker.volumes.filter(({ driver }) => docker.driverNames.includes(driver)) : []
  const inDocker = new Set(known.map(({ name }) => name))
  const foreign = groups.filter((group) => !isOurs(asVolume(group)))
  const names = new Set([...inDocker, ...foreign.map(({ name }) => name)])
  return [...names].sort().map((name) => {
    const found = groups.filter((group) => group.name === name)
    return assessOne(survey, name, found, inDocker.has(name))
  })
}

function assessOne(survey: Survey, name: string, found: readonly VolumeGroup[], inDocker: boolean): DvpVolume {
  const { docker, initiatorNames } = survey
  const containers = docker.reachable
    ? docker.mounts.filter(({ volumeName }) => volumeName === name).map(({ container }) => container)
    : []
  const [group, another] = found
  const common = { name, inDocker, containers: distinct(containers) }
  if (!group || another) return { ...common, state: group ? 'ambiguous' : 'missing', attachedTo: [] }
  const volume = asVolume(group)
  const isHere = (initiator: string): boolean => initiatorNames.some((own) => sameInitiator(own, initiator))
  const initiators = initiatorsOf(volume)
  const vms = group.attachments.flatMap(({ vmUuid }) => vmUuid ?? [])
  const attachedTo = [
    ...initiators.map((initiator) => (isHere(initiator) ? 'this host' : initiator)),
    ...vms.map((uuid) => `virtual machine ${uuid}`),
  ]
  const state = (): DvpState => {
    if (isOurs(volume)) return 'managed'
    if (!inDocker && docker.reachable && docker.volumes.some((each) => each.name === name)) return 'taken'
    if (!group.disks.some(({ index }) => index === 0)) return 'no-disk'
    if (vms.length > 0) return 'vm'
    if (!initiators.every(isHere)) return 'elsewhere'
    return initiators.length > 0 ? 'here' : 'ready'
  }
  return {
    ...common,
    uuid: group.uuid,
    sizeBytes: sizeOf(group),
    state: state(),
    attachedTo,
    ...(volume.trailer?.fs === undefined ? {} : { filesystem: volume.trailer.fs }),
  }
}

/** A container may mount a volume twice. */
function distinct(containers: readonly DockerContainer[]): DockerContainer[] {
  return [...new Map(containers.map((container) => [container.id, container])).values()]
}
