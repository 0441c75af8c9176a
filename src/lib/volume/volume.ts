import { AcsError } from '../base/errors.js'
import type { VolumeDisk, VolumeGroup } from '../prism/prism.js'
import { printable } from './names.js'
import { humanText, parseDescription, type Description, type Trailer } from './trailer.js'

/** A volume group with acs's record of it. */
export interface Volume {
  group: VolumeGroup
  description: Description
  /** The human's part of the description. */
  text: string
  /** Absent on a group that acs did not make. */
  trailer?: Trailer
}

export function asVolume(group: VolumeGroup): Volume {
  const description = parseDescription(group.description)
  return {
    group,
    description,
    text: humanText(description),
    ...(description.trailer ? { trailer: description.trailer } : {}),
  }
}

/** Whether acs made the group. One that it only attaches has a record for so long, and stays someone else's. */
export function isOurs(volume: Volume): boolean {
  const { fs, snap, own } = volume.trailer ?? {}
  return fs !== undefined || snap !== undefined || own === true
}

/** Whether it is in the trash. */
export function isTrashed({ group, trailer }: Volume): boolean {
  return trailer?.del?.g === headOf(group.uuid)
}

/** What marks of a group start with, as the cluster copies a description into a clone. */
export function headOf(uuid: string): string {
  return uuid.slice(0, 8).toLowerCase()
}

/** `"db"` for messages. */
export function nameOf(volume: Volume): string {
  return `"${printable(volume.group.name)}"`
}

/** Bytes of all disks. */
export function sizeOf(group: VolumeGroup): number {
  return group.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0)
}

/** The disk at an index; acs puts a volume's filesystem on disk 0. Throws EACSNODISK. */
export function diskAt(volume: Volume, index = 0): VolumeDisk {
  const disk = volume.group.disks.find((candidate) => candidate.index === index)
  if (disk) return disk
  const indexes = volume.group.disks.map((candidate) => candidate.index).join(', ') || 'none'
  throw new AcsError('not-found', 'EACSNODISK', `volume ${nameOf(volume)} has no disk ${index} (it has: ${indexes})`, {
    details: { uuid: volume.group.uuid },
  })
}
