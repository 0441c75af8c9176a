import { constants } from 'node:fs'
import { copyFile, open, rm, stat } from 'node:fs/promises'
import { deadlineIn } from '../../base/deadline.js'
import { errorCode, isAcsError } from '../../base/errors.js'

/** How a copy was made; `reflink` shares the blocks until one side changes. */
export type CopyMethod = 'reflink' | 'cp' | 'blocks'

const pieceBytes = 1024 * 1024
const zeroes = Buffer.alloc(pieceBytes)

/**
 * Copies a sparse file to a path that must be free: by reflink where the filesystem can, else with `cp`,
 * which reads only the data (SEEK_DATA, which Node does not offer), else by reading it all and leaving
 * out the zeros. `source` may change meanwhile; see write-guard.ts for what makes that harmless.
 */
export async function copySparse(source: string, target: string): Promise<CopyMethod> {
  try {
    await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE)
    return 'reflink'
  } catch (error) {
    if (!['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EINVAL', 'ENOTTY'].includes(errorCode(error) ?? '')) throw error
    await rm(target, { force: true })
  }
  try {
    const { createRunner } = await import('../../host/exec.js')
    const argv = ['--sparse=always', '--reflink=auto', '--no-target-directory', source, target]
    const hour = 3_600_000
    await createRunner().run('cp', argv, { deadline: deadlineIn(hour), timeoutMs: hour })
    return 'cp'
  } catch (error) {
    if (!isAcsError(error, 'EACSTOOLMISSING') && !isAcsError(error, 'EACSCOMMAND')) throw error
    await rm(target, { force: true })
  }
  await copyBlocks(source, target)
  return 'blocks'
}

/** The copy that needs no tool; public for its test. */
export async function copyBlocks(source: string, target: string): Promise<void> {
  const { size, blocks } = await stat(source)
  const from = await open(source, 'r')
  try {
    const to = await open(target, 'wx', 0o600)
    try {
      await to.truncate(size)
      const piece = Buffer.allocUnsafe(pieceBytes)
      for (let at = 0; blocks > 0 && at < size;) {
        const { bytesRead } = await from.read(piece, 0, pieceBytes, at)
        if (bytesRead === 0) break
        const data = piece.subarray(0, bytesRead)
        if (data.compare(zeroes, 0, bytesRead) !== 0) await to.write(data, 0, bytesRead, at)
        at += bytesRead
      }
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}
