import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deadline } from '../../base/deadline.js'
import { AcsError } from '../../base/errors.js'
import { isWire, openWire } from './wire.js'

const pluginFolder = '/run/docker/plugins'
const connectMs = 10_000

/**
 * The socket that is meant: a path, or a plugin's name, found as dockerd finds it (moby pkg/plugins/discovery.go):
 * `/run/docker/plugins/NAME.sock`, then `/run/docker/plugins/NAME/NAME.sock`.
 */
export async function socketOf(given: string, folder = pluginFolder): Promise<string> {
  if (given.includes('/') || given.endsWith('.sock')) return given
  const candidates = [join(folder, `${given}.sock`), join(folder, given, `${given}.sock`)]
  for (const path of candidates) if (await isSocket(path)) return path
  return candidates[0] ?? given
}

/** Throws EACSPLUGINUNREACHABLE when nobody takes connections there; the error says why. */
export async function expectSocket(path: string, deadline: Deadline): Promise<void> {
  deadline.check('connecting to the plugin')
  const opened = await openWire(path, deadline.signal, connectMs)
  if (isWire(opened)) {
    opened.close()
    return
  }
  if (opened.kind === 'cancelled') deadline.check('connecting to the plugin')
  const denied = /EACCES|EPERM/.test(opened.text)
  throw new AcsError(denied ? 'auth' : 'timeout', 'EACSPLUGINUNREACHABLE', `no plugin at ${path}: ${opened.text}`, {
    hints: denied ? ['Run it as root: the sockets of plugins are for root only'] : [hintFor(opened.text)],
    details: { socket: path },
  })
}

function hintFor(text: string): string {
  if (text.includes('ENOENT'))
    return `ls ${pluginFolder}; a managed plugin: docker plugin ls --no-trunc, socket in a folder of that ID`
  if (text.includes('ECONNREFUSED')) return 'The socket is of a process that has ended: start the plugin'
  return 'Give the path of a unix socket'
}

async function isSocket(path: string): Promise<boolean> {
  return stat(path).then(
    (seen) => seen.isSocket(),
    () => false,
  )
}
