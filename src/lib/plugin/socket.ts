import { createHash, randomInt } from 'node:crypto'
import { chmod, link, lstat, mkdir, unlink } from 'node:fs/promises'
import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { AcsError, messageOf } from '../base/errors.js'
import { printable } from '../base/printable.js'

/** Where Docker looks for the plugin. */
export function socketPath(name: string): string {
  return `/run/docker/plugins/${name}.sock`
}

/** A socket of our own, or one that systemd opened and passed on. */
export type SocketPlace = { path: string } | { fd: number }

export interface OpenSocket {
  /** For people: the path, or that it is systemd's. */
  where: string
  /** Takes the file away, if it still is ours. Before the server closes, so that no one finds a dead socket. */
  release(): Promise<void>
}

/** sockaddr_un.sun_path has 108 bytes, the last one 0 (unix(7)); Node would cut a longer path short. */
const longestPath = 107

/**
 * Makes `server` listen on a unix socket of mode 0600. A file left behind by a dead process is replaced; throws
 * EACSPLUGINRUNNING (conflict) when a living one answers there, EACSSOCKETPATH (usage) when no socket can be there.
 */
export async function listenAt(server: Server, place: SocketPlace): Promise<OpenSocket> {
  if ('fd' in place) {
    await listening(server, place).catch((error: unknown) => {
      throw unusable(`file descriptor ${place.fd}, which systemd passed on`, error)
    })
    return { where: `systemd's socket`, release: () => Promise.resolve() }
  }
  const { path } = place
  checkLength(path)
  await ensureFolder(dirname(path))
  // Bound under a second name first: linked into place it already listens, so that "connection refused" on the
  // real name always means dead. And libuv removes the name it bound when it closes, whoever's that is by then.
  const temporary = besides(path)
  await listening(server, { path: temporary }).catch((error: unknown) => {
    throw unusable(path, error)
  })
  try {
    // The umask did that, except where the folder has an ACL of its own for new files.
    await chmod(temporary, 0o600)
    const { dev, ino } = await lstat(temporary)
    await takePlace(temporary, path)
    return {
      where: path,
      async release() {
        const now = await lstat(path).catch(() => undefined)
        if (now?.dev === dev && now.ino === ino) await unlink(path)
      },
    }
  } catch (error) {
    server.close()
    throw error
  } finally {
    await unlink(temporary).catch(() => undefined)
  }
}

/**
 * The socket systemd passed to this very process: LISTEN_PID is ours and LISTEN_FDS not 0 (sd_listen_fds(3)).
 * The first one counts; it is descriptor 3.
 */
export function systemdSocket(environment: NodeJS.ProcessEnv, pid: number): { fd: number } | undefined {
  const ours = environment.LISTEN_PID === String(pid) && Number(environment.LISTEN_FDS) >= 1
  return ours ? { fd: 3 } : undefined
}

function checkLength(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > longestPath || path.includes('\0') || path === '')
    throw new AcsError(
      'usage',
      'EACSSOCKETPATH',
      `no socket can be at "${printable(path.slice(0, 200))}": it has ${bytes} bytes, and 1 to ${longestPath} fit`,
      { hints: ['Choose a shorter path with --socket'] },
    )
}

async function ensureFolder(folder: string): Promise<void> {
  try {
    // dockerd, and Podman of other users, look in here: a strict umask must not hide it.
    if ((await mkdir(folder, { recursive: true })) !== undefined) await chmod(folder, 0o755)
  } catch (error) {
    throw unusable(folder, error)
  }
}

/** Links it to its real name, after whoever is there and dead. */
async function takePlace(temporary: string, path: string): Promise<void> {
  for (let round = 0; ; round += 1) {
    try {
      await link(temporary, path)
      return
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || round === 5) throw unusable(path, error)
    }
    await removeDead(path)
  }
}

/** Only under the lock is a file removed for being dead, so that it still is the dead one by then. */
function removeDead(path: string): Promise<void> {
  return alone(path, async () => {
    const found = await lstat(path).catch(() => undefined)
    if (!found) return
    if (!found.isSocket()) throw unusable(path, new Error('there is a file that is no socket'))
    if (await answers(path)) throw running(path)
    await unlink(path)
  })
}

/** The kernel frees an abstract socket when its process dies, however it dies: there is no stale lock. */
async function alone<T>(path: string, work: () => Promise<T>): Promise<T> {
  const address = `\0acs-plugin-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`
  const waiting = new Set<Socket>()
  const lock = createServer((socket) => waiting.add(socket.on('error', () => socket.destroy())))
  for (;;) {
    try {
      await listening(lock, { path: address })
      break
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw unusable(path, error)
      await new Promise((resolve) => connect(address).on('error', resolve).on('close', resolve))
    }
  }
  try {
    return await work()
  } finally {
    lock.close()
    for (const socket of waiting) socket.destroy()
  }
}

/** Whether somebody listens. A full backlog (EAGAIN) or a refusal of rights counts: only the dead refuse a connection. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    const done = (alive: boolean): void => {
      probe.destroy()
      resolve(alive)
    }
    probe.once('connect', () => done(true))
    probe.once('error', (error) => done(codeOf(error) !== 'ECONNREFUSED' && codeOf(error) !== 'ENOENT'))
  })
}

function listening(server: Server, options: ListenOptions | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Bound before `listen` returns; nobody else may connect even for a moment.
    const before = process.umask(0o177)
    try {
      server.listen(options, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}

/** A name in the same folder that fits, and that dockerd, looking for `*.sock`, passes over. */
function besides(path: string): string {
  const name = basename(path)
  const mark = randomInt(36 ** 4)
    .toString(36)
    .padStart(4, '0')
  const long = join(dirname(path), `${name}~${mark}`)
  return Buffer.byteLength(long) <= longestPath
    ? long
    : join(dirname(path), mark.padStart(Buffer.byteLength(name), '~'))
}

function running(path: string): AcsError {
  return new AcsError('conflict', 'EACSPLUGINRUNNING', `another process answers on ${printable(path)}`, {
    hints: [
      'systemctl stop acs-plugin.socket acs-plugin.service',
      'Or give this one another place with --name or --socket',
    ],
    details: { socket: path },
  })
}

function unusable(where: string, cause: unknown): AcsError {
  return new AcsError('usage', 'EACSSOCKETPATH', `cannot listen on ${printable(where)}: ${messageOf(cause)}`, {
    cause,
    hints: [codeOf(cause) === 'EACCES' ? 'Run it as root (sudo)' : 'Choose another place with --socket'],
  })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
