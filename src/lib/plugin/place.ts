import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../base/errors.js'

/**
 * Takes ext4's `lost+found` out of an ext4 filesystem, if it is empty: a volume that is not empty gets no content
 * and no owner from the image (docker-protocols.md, finding 13), and databases refuse the folder. e2fsck makes it again
 * when it needs it. One that holds what fsck has saved stays; the caller tells.
 */
export async function removeLostAndFound(mountPoint: string): Promise<'gone' | 'holds files'> {
  try {
    await rmdir(join(mountPoint, 'lost+found'))
    return 'gone'
  } catch (error) {
    const code = errorCode(error)
    return code === 'ENOTEMPTY' || code === 'EEXIST' ? 'holds files' : 'gone'
  }
}

/** Removes an empty folder; what is not empty, or busy, or gone, stays as it is. */
export async function removeEmptyFolder(path: string): Promise<void> {
  await rmdir(path).catch(() => undefined)
}
