import { readdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostRoots } from '../roots.js'
import { parsePortal } from './portal.js'

/** An iSCSI session of the kernel, from /sys/class/iscsi_session and iscsi_connection. */
export interface KernelSession {
  /** `session3` */
  name: string
  /** `LOGGED_IN`, `FAILED` or `FREE`. */
  state: string
  targetName: string
  /** Address of the node record: the data services portal, also after a redirect. */
  persistentAddress: string | undefined
  persistentPort: number | undefined
  /** SCSI host number. */
  host: number
  /** sysfs folder of the session's device, with `target<host>:...` folders below. */
  deviceFolder: string
}

/** All iSCSI sessions of this network namespace. Half-gone ones are left out. */
export async function readSessions(roots: HostRoots): Promise<KernelSession[]> {
  const names = await readdir(join(roots.sysfs, 'class', 'iscsi_session')).catch(() => [])
  const found = await Promise.all(
    names.filter((name) => /^session\d+$/.test(name)).map((name) => readSession(roots, name)),
  )
  return found.filter((session) => session !== undefined)
}

/**
 * The session of a target: the one through this portal, else any. A full target name is one volume
 * group's; a second login to it would give the same disk a second path.
 */
export function findSession(
  sessions: readonly KernelSession[],
  target: { portal: string; targetName: string },
): KernelSession | undefined {
  const { host, port } = parsePortal(target.portal)
  const ofTarget = sessions.filter((session) => session.targetName === target.targetName)
  return (
    ofTarget.find((session) => session.persistentAddress === host && session.persistentPort === port) ?? ofTarget[0]
  )
}

async function readSession(roots: HostRoots, name: string): Promise<KernelSession | undefined> {
  const folder = join(roots.sysfs, 'class', 'iscsi_session', name)
  const connection = join(roots.sysfs, 'class', 'iscsi_connection', `connection${name.slice('session'.length)}:0`)
  const [targetName, state, address, port, deviceFolder] = await Promise.all([
    text(join(folder, 'targetname')),
    text(join(folder, 'state')),
    text(join(connection, 'persistent_address')),
    text(join(connection, 'persistent_port')),
    realpath(join(folder, 'device')).catch(() => undefined),
  ])
  const host = deviceFolder === undefined ? undefined : /\/host(\d+)(?:\/|$)/.exec(deviceFolder)?.[1]
  if (targetName === undefined || deviceFolder === undefined || host === undefined) return undefined
  return {
    name,
    state: state ?? 'FREE',
    targetName,
    persistentAddress: address,
    persistentPort: port === undefined ? undefined : Number(port),
    host: Number(host),
    deviceFolder,
  }
}

async function text(path: string): Promise<string | undefined> {
  return (await readFile(path, 'utf8').catch(() => undefined))?.trim()
}
