import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AcsError, isAcsError, type ErrorKind } from '../../base/errors.js'
import { writeDurably } from '../../base/durable-file.js'
import type { Deadline } from '../../base/deadline.js'
import { exitCodeOf } from '../exec.js'
import type { DiskAddress, Runner } from '../host.js'
import type { HostRoots } from '../roots.js'
import { parsePortal } from './portal.js'

type Target = Pick<DiskAddress, 'portal' | 'targetName'>

/**
 * What acs sets in a node record.
 * `manual` startup: after a crash nothing logs in by itself, the disk may be another host's by then.
 * `manual` scan: the target's other LUNs are other volumes' disks and none of our business.
 * 120 s replacement timeout: without multipath, I/O outlives the move of the data services address;
 * after that it fails, which is what ends the I/O of a host whose access was revoked.
 */
const settings = {
  'node.startup': 'manual',
  'node.conn[0].startup': 'manual',
  'node.session.scan': 'manual',
  'node.session.timeo.replacement_timeout': '120',
  'node.session.initial_login_retry_max': '1',
  'node.conn[0].timeo.login_timeout': '10',
} as const

/**
 * Makes or renews the node record of a target at the data services portal (where it stays, also when the
 * login is redirected). Settings and the CHAP secret are written into the record's file, of mode 0600, as
 * `iscsiadm -o update -v SECRET` would show the secret to every user of the machine.
 */
export async function ensureNodeRecord(
  runner: Runner,
  roots: HostRoots,
  disk: Target & Pick<DiskAddress, 'chap'>,
  deadline: Deadline,
): Promise<void> {
  // `-o new` over an existing record keeps it (idbm overwrites only with -o update).
  await iscsiadm(runner, disk, ['-o', 'new'], deadline, [])
  const file = await nodeRecordFile(roots, disk)
  if (file === undefined) {
    throw new AcsError('failed', 'EACSNODERECORD', `iscsiadm left no node record for ${disk.targetName}`, {
      details: { ...pick(disk) },
    })
  }
  await writeDurably(file, withSettings(await readFile(file, 'utf8'), { ...settings, ...chapSettings(disk) }), 0o600)
}

/** Removes the node record; none there is fine. */
export async function deleteNodeRecord(runner: Runner, target: Target, deadline: Deadline): Promise<void> {
  await iscsiadm(runner, target, ['-o', 'delete'], deadline, [21])
}

/** Logs in; a session that exists already (15) is success. */
export async function login(runner: Runner, target: Target, deadline: Deadline): Promise<void> {
  await iscsiadm(runner, target, ['--login'], deadline, [15])
}

/** Logs out of this target; no session (21, or 2 in older versions) is success. */
export async function logout(runner: Runner, target: Target, deadline: Deadline): Promise<void> {
  await iscsiadm(runner, target, ['--logout'], deadline, [21, 2])
}

async function iscsiadm(
  runner: Runner,
  target: Target,
  args: readonly string[],
  deadline: Deadline,
  alsoOk: readonly number[],
): Promise<void> {
  const run = (): Promise<unknown> =>
    runner.run('iscsiadm', ['-m', 'node', '-T', target.targetName, '-p', target.portal, ...args], {
      deadline,
      timeoutMs: 60_000,
      okExitCodes: [0, ...alsoOk],
    })
  for (let tries = 1; ; tries += 1) {
    try {
      await run()
      return
    } catch (error) {
      // 6: another iscsiadm has the node database; its lock gives up instead of waiting.
      if (exitCodeOf(error) !== 6 || tries === 5) throw iscsiadmError(error, target)
      await deadline.sleep(200 * tries, 'waiting for the node database of open-iscsi')
    }
  }
}

interface ExitMeaning {
  kind: ErrorKind
  code: string
  words: string
  hints?: readonly string[]
}

/** Exit codes of iscsiadm(8), include/iscsi_err.h. */
export const exitMeanings: Readonly<Record<number, ExitMeaning>> = {
  4: { kind: 'timeout', code: 'EACSPORTALDOWN', words: 'the portal refused the connection' },
  6: {
    kind: 'failed',
    code: 'EACSNODEDB',
    words: 'the node database of open-iscsi is locked or broken',
    hints: ['Look at /etc/iscsi/nodes and /run/lock/iscsi'],
  },
  8: { kind: 'timeout', code: 'EACSPORTALDOWN', words: 'the portal did not answer in time' },
  11: { kind: 'timeout', code: 'EACSPORTALDOWN', words: 'the target did not answer the login in time' },
  15: { kind: 'conflict', code: 'EACSSESSION', words: 'there is a session already' },
  18: { kind: 'precondition', code: 'EACSISCSID', words: 'iscsid did not answer', hints: ['systemctl restart iscsid'] },
  19: {
    kind: 'auth',
    code: 'EACSNOTALLOWED',
    words: 'the target refused the login',
    hints: ['Check the allowed initiators of the volume group'],
  },
  20: {
    kind: 'precondition',
    code: 'EACSISCSID',
    words: 'iscsid is not running',
    hints: ['systemctl enable --now iscsid'],
  },
  21: { kind: 'not-found', code: 'EACSNOSESSION', words: 'there is no such session or node record' },
  24: { kind: 'auth', code: 'EACSCHAP', words: 'the target refused the CHAP secret' },
}

/** The typed error of an exit code of iscsiadm. */
export function iscsiadmError(error: unknown, target: Target): unknown {
  const exitCode = exitCodeOf(error)
  if (exitCode === undefined || !isAcsError(error)) return error
  const meaning = exitMeanings[exitCode] ?? { kind: 'failed', code: 'EACSLOGIN', words: 'iscsiadm failed' }
  const evidence = String(error.details.stderr)
  return new AcsError(
    meaning.kind,
    meaning.code,
    `${target.targetName} at ${target.portal}: ${meaning.words} (iscsiadm ${exitCode}): ${evidence}`,
    { cause: error, hints: meaning.hints ?? [], details: { ...pick(target), exitCode, evidence } },
  )
}

/** `<etc>/iscsi/nodes/<iqn>/<address>,<port>[,<tpgt>]`, a file, or a folder with one file per interface. */
export async function nodeRecordFile(roots: HostRoots, target: Target): Promise<string | undefined> {
  const { host, port } = parsePortal(target.portal)
  const folder = join(roots.etc, 'iscsi', 'nodes', target.targetName)
  const names = await readdir(folder).catch(() => [])
  const name = names.find((each) => each === `${host},${port}` || each.startsWith(`${host},${port},`))
  if (name === undefined) return undefined
  const path = join(folder, name)
  return (await stat(path)).isDirectory() ? join(path, 'default') : path
}

/** A node record with these settings: lines are replaced in place, new ones added before the end mark. */
export function withSettings(record: string, wanted: Readonly<Record<string, string>>): string {
  const left = new Map(Object.entries(wanted))
  const lines = record.split('\n').flatMap((line) => {
    const name = /^\s*([^\s=#]+)\s*=/.exec(line)?.[1]
    const value = name === undefined ? undefined : left.get(name)
    if (name === undefined || value === undefined) return [line]
    left.delete(name)
    return [`${name} = ${value}`]
  })
  const added = [...left].map(([name, value]) => `${name} = ${value}`)
  const end = lines.findIndex((line) => line.startsWith('# END RECORD'))
  return (end < 0 ? [...lines, ...added] : [...lines.slice(0, end), ...added, ...lines.slice(end)]).join('\n')
}

function chapSettings(disk: Target & Pick<DiskAddress, 'chap'>): Record<string, string> {
  const none = { 'node.session.auth.authmethod': 'None' }
  if (!disk.chap) return none
  const { username, secret, mutual } = disk.chap
  const found = {
    'node.session.auth.authmethod': 'CHAP',
    'node.session.auth.username': username,
    'node.session.auth.password': secret,
    ...(mutual
      ? { 'node.session.auth.username_in': mutual.username, 'node.session.auth.password_in': mutual.secret }
      : {}),
  }
  // A line break in a value would be a setting of its own.
  if (Object.values(found).some((value) => /[\r\n]/.test(value)))
    throw new AcsError('usage', 'EACSCHAP', 'a CHAP name or secret with a line break cannot be used')
  return found
}

function pick(target: Target): Target {
  return { portal: target.portal, targetName: target.targetName }
}
