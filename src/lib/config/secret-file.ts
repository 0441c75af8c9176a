import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { AcsError, messageOf } from '../base/errors.js'

const maxSecretBytes = 64 * 1024

/**
 * The first line of a secret file. The file that was opened is the one that is judged (a symlink is followed
 * first, as secret mounts are made of them): it must belong to us or to root and be closed to everybody else.
 * `trustGroup`: for systemd's credentials, which are root's, reach a service user by ACL, and so show group bits.
 * Throws EACSSECRETFILE (auth).
 */
export async function readSecretFile(path: string, options: { trustGroup?: boolean } = {}): Promise<string> {
  let file
  try {
    // A FIFO nobody writes must not stop us at open.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw unusable(path, messageOf(error), [], error)
  }
  try {
    const status = await file.stat()
    if (status.isDirectory()) throw unusable(path, 'it is a folder')
    const mode = status.mode & 0o777
    if (status.isFile()) {
      if ((mode & (options.trustGroup ? 0o007 : 0o077)) !== 0)
        throw unusable(path, `others can read or write it (mode ${mode.toString(8).padStart(4, '0')})`, [
          `chmod 600 ${path}`,
        ])
      if (status.uid !== 0 && status.uid !== process.geteuid?.())
        throw unusable(path, `it belongs to the user ${status.uid}, neither to you nor to root`, [
          `chown $(id -u) ${path}`,
        ])
      if (status.size > maxSecretBytes) throw unusable(path, 'it is too large for a password')
    } else if (!status.isFIFO()) throw unusable(path, 'it is neither a file nor a pipe')
    return firstLine(await readAll(path, file, status.isFIFO()), `the password file ${path}`)
  } finally {
    await file.close()
  }
}

/** The first line, without its end. Throws EACSSECRETFILE when it is empty. `from` names the source. */
export function firstLine(text: string, from: string): string {
  const line = text.split(/\r?\n/, 1)[0] ?? ''
  if (line === '')
    throw new AcsError('auth', 'EACSSECRETFILE', `the first line of ${from} is empty, where the password should be`)
  return line
}

async function readAll(path: string, file: Awaited<ReturnType<typeof open>>, isPipe: boolean): Promise<string> {
  if (!isPipe) return file.readFile('utf8')
  // `<(command)`: opened again without O_NONBLOCK, which reads to the writer's end.
  const pipe = await open(path, 'r')
  try {
    return await pipe.readFile('utf8')
  } finally {
    await pipe.close()
  }
}

function unusable(path: string, why: string, hints: string[] = [], cause?: unknown): AcsError {
  return new AcsError('auth', 'EACSSECRETFILE', `the password file ${path} cannot be used: ${why}`, {
    cause,
    hints,
    details: { path },
  })
}
