import { importImage } from './image-import.js'
import { forgetDisks, makeDisks, type JobParts } from './job-parts.js'
import type { ImageJob, ImageRecord } from './store/machine-records.js'
import type { StoredDisk } from './store/records.js'
import { nowUsecs, type Prepared } from './tasks.js'
import { errorCodes, WireError } from './wire-error.js'

export async function prepareImageJob(parts: JobParts, job: ImageJob, signal: AbortSignal): Promise<Prepared> {
  switch (job.kind) {
    case 'import-image': {
      const sizeBytes = await importImage(parts, job, signal)
      const { containerUuid } = job.image
      return prepareNew(parts, job.image, { uuid: job.diskUuid, sizeBytes, containerUuid })
    }
    case 'clone-image': {
      await makeDisks(parts, [job.plan])
      const { uuid, sizeBytes, containerUuid } = job.plan
      return prepareNew(parts, job.image, { uuid, sizeBytes, containerUuid })
    }
    case 'update-image':
      return prepareUpdate(parts, job)
    case 'delete-image':
      return prepareDelete(parts, job.imageUuid)
  }
}

function prepareNew(parts: JobParts, image: ImageRecord, disk: StoredDisk): Prepared {
  return {
    commit() {
      if (parts.store.images.has(image.uuid))
        throw new WireError(500, `Image with uuid ${image.uuid} already exists`, errorCodes.exists)
      return { put: { images: [{ ...image, disk, updatedUsecs: nowUsecs() }] } }
    },
    undo: () => parts.disks.remove([disk.uuid]),
  }
}

function prepareUpdate(parts: JobParts, { imageUuid, change }: Extract<ImageJob, { kind: 'update-image' }>): Prepared {
  return {
    commit() {
      const image = requireImage(parts, imageUuid)
      const next = { ...image, ...change, logicalTimestamp: image.logicalTimestamp + 1, updatedUsecs: nowUsecs() }
      return { put: { images: [next] } }
    },
  }
}

/** What was cloned from it stays: clones are disks of their own. */
function prepareDelete(parts: JobParts, imageUuid: string): Prepared {
  let disks: StoredDisk[] = []
  return {
    commit() {
      const { disk } = requireImage(parts, imageUuid)
      disks = disk ? [disk] : []
      return { remove: { images: [imageUuid] } }
    },
    after: () => forgetDisks(parts, disks),
  }
}

function requireImage(parts: JobParts, uuid: string): ImageRecord {
  const image = parts.store.images.get(uuid)
  if (image) return image
  throw new WireError(500, `Image ${uuid} does not exist`, errorCodes.notFound)
}
