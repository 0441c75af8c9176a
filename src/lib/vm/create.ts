import { AcsError } from '../base/errors.js'
import { printable } from '../base/printable.js'
import type { Image, VmDiskSpec, VmNicSpec, VmSpec } from '../prism/prism.js'
import type { VmContext } from './context.js'
import { findContainer, findImage, findNetwork } from './find.js'

/** A machine as typed: everything by name. */
export interface VmRequest {
  description?: string | undefined
  memoryBytes: number
  vcpus: number
  coresPerVcpu?: number | undefined
  timezone?: string | undefined
  uefi?: boolean | undefined
  /** Each becomes a disk, in this order; the first is booted from. */
  images: readonly string[]
  /** Least size of the first image's disk. */
  diskSizeBytes?: number | undefined
  /** Sizes of empty disks. */
  emptyDisks: readonly number[]
  /** Storage container of empty disks. */
  container?: string | undefined
  /** Images of CD-ROMs; '' for an empty drive. */
  cdroms: readonly string[]
  /** `NETWORK` or `NETWORK=ADDRESS`. */
  networks: readonly string[]
  volumeGroupUuids: readonly string[]
  userData?: string | undefined
}

/**
 * What machines are to be like, all names looked up: an unknown one is an error before anything is made, also the second of
 * two. Throws EACSNOTFOUND, EACSNOCONTAINER, EACSIMAGE (conflict) for an image that is no disk, no ISO or not there yet.
 */
export async function planVm(context: VmContext, request: VmRequest): Promise<Omit<VmSpec, 'name'>> {
  const { images, cdroms, networks, emptyDisks } = request
  const [disks, isos, nics, container] = await Promise.all([
    Promise.all(images.map(async (name) => usable(await findImage(context, name), 'disk'))),
    Promise.all(cdroms.map(async (name) => (name === '' ? undefined : usable(await findImage(context, name), 'iso')))),
    Promise.all(networks.map((text) => planNic(context, text))),
    emptyDisks.length > 0 ? findContainer(context, request.container) : undefined,
  ])
  if (request.diskSizeBytes !== undefined) refuseSmaller(disks[0], request.diskSizeBytes)
  const specs: VmDiskSpec[] = [
    ...disks.map((image, index): VmDiskSpec => ({
      kind: 'clone',
      cloneOf: image.diskUuid ?? '',
      ...(index === 0 && request.diskSizeBytes !== undefined ? { minimumSizeBytes: request.diskSizeBytes } : {}),
    })),
    ...emptyDisks.map((sizeBytes): VmDiskSpec => ({
      kind: 'empty',
      sizeBytes,
      storageContainerUuid: container?.uuid ?? '',
    })),
    ...request.volumeGroupUuids.map((volumeGroupUuid): VmDiskSpec => ({ kind: 'volume-group', volumeGroupUuid })),
    ...isos.map((image): VmDiskSpec => ({
      kind: 'cdrom',
      ...(image?.diskUuid === undefined ? {} : { cloneOf: image.diskUuid }),
    })),
  ]
  const { description, coresPerVcpu, timezone, uefi, userData } = request
  return {
    memoryBytes: request.memoryBytes,
    vcpus: request.vcpus,
    disks: specs,
    nics,
    ...(description === undefined ? {} : { description }),
    ...(coresPerVcpu === undefined ? {} : { coresPerVcpu }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(uefi === undefined ? {} : { uefi }),
    ...(userData === undefined ? {} : { userData }),
  }
}

/** `NETWORK` or `NETWORK=ADDRESS`; a network may have `=` in its name itself. */
export async function planNic(context: VmContext, text: string): Promise<VmNicSpec> {
  const at = text.lastIndexOf('=')
  const address = at < 0 ? '' : text.slice(at + 1)
  const named = /^[\d.]+$/.test(address) ? { network: text.slice(0, at), address } : { network: text }
  const { uuid } = await findNetwork(context, named.network)
  return { networkUuid: uuid, ...('address' in named ? { requestedAddress: named.address } : {}) }
}

function usable(image: Image, kind: 'disk' | 'iso'): Image {
  const refuse = (why: string, hint: string): AcsError =>
    new AcsError('conflict', 'EACSIMAGE', `image "${printable(image.name)}" ${why}`, {
      hints: [hint],
      details: { uuid: image.uuid, name: image.name },
    })
  if (!image.active || image.diskUuid === undefined)
    throw refuse('is not ready: the cluster has not all of it', 'Is it on its way? acs task list')
  if (image.kind !== 'unknown' && image.kind !== kind)
    throw kind === 'disk'
      ? refuse('is an ISO, and no disk to boot from', `Put it into a CD-ROM drive: --cdrom ${printable(image.name)}`)
      : refuse('is a disk, and no ISO', `Clone a disk of it: --image ${printable(image.name)}`)
  return image
}

function refuseSmaller(image: Image | undefined, sizeBytes: number): void {
  if (!image) throw new AcsError('usage', 'EACSUSAGE', '--disk-size is for the disk of an --image')
  if (image.sizeBytes === undefined || sizeBytes >= image.sizeBytes) return
  throw new AcsError(
    'usage',
    'EACSSIZE',
    `a disk of image "${printable(image.name)}" has ${image.sizeBytes} bytes at least`,
    { details: { name: image.name, sizeBytes: image.sizeBytes } },
  )
}
