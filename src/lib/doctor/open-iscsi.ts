import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Deadline } from '../base/deadline.js'
import { messageOf } from '../base/errors.js'
import { isIscsiName, parseInitiatorName } from '../host/iscsi/initiator-name.js'
import { findProcesses } from '../host/processes.js'
import type { HostRoots } from '../host/roots.js'
import { targetPrefix } from '../volume/target-name.js'
import type { DoctorContext } from './context.js'
import { ok, type Finding, type Fix } from './finding.js'
import { isAbsent, isThere, namesIn } from './folder.js'
import { ourTargets } from './ours.js'

/** open-iscsi: its daemon, this machine's name, and what its files say about Nutanix targets. */
export async function openIscsiFindings(context: DoctorContext): Promise<Finding[]> {
  if (!(await isThere(join(context.roots.etc, 'iscsi'))))
    return [
      { id: 'iscsid', severity: 'info', title: 'open-iscsi is not installed', evidence: ['no /etc/iscsi'], cure: [] },
    ]
  const [daemon, name, records] = await Promise.all([
    daemonFinding(context.roots),
    nameFinding(context.roots),
    recordFindings(context),
  ])
  return [daemon, name, ...records]
}

/** The abstract socket on which iscsid, or systemd for it, waits for iscsiadm (open-iscsi usr/mgmt_ipc.h). */
const daemonSocket = '@ISCSIADM_ABSTRACT_NAMESPACE'

async function daemonFinding(roots: HostRoots): Promise<Finding> {
  const [daemons, sockets] = await Promise.all([
    findProcesses(roots.proc, ([program]) => basename(program ?? '') === 'iscsid'),
    readFile(join(roots.proc, 'net', 'unix'), 'utf8'),
  ])
  const listens = sockets.split('\n').some((line) => line.endsWith(` ${daemonSocket}`))
  if (daemons.length > 0) return ok('iscsid', 'iscsid runs', [`process ${daemons[0]?.pid ?? ''}`])
  if (listens) return ok('iscsid', 'iscsid starts when it is asked', [`systemd listens on ${daemonSocket}`])
  // Without iscsi_tcp in the kernel nobody needs it: the userspace initiator has its own.
  const needed = await isThere(join(roots.sysfs, 'module', 'iscsi_tcp'))
  return {
    id: 'iscsid',
    severity: needed ? 'problem' : 'info',
    title: 'iscsid does not run, and nothing would start it',
    evidence: [`no process iscsid, no socket ${daemonSocket} in /proc/net/unix`],
    cure: ['systemctl enable --now iscsid.socket', 'systemctl enable --now iscsid   where there is no such socket'],
  }
}

async function nameFinding(roots: HostRoots): Promise<Finding> {
  const path = join(roots.etc, 'iscsi', 'initiatorname.iscsi')
  const renew = `echo "InitiatorName=$(iscsi-iname)" > ${path} && systemctl restart iscsid`
  const bad = (title: string, evidence: string[] = []): Finding => ({
    id: 'initiator-name',
    severity: 'problem',
    title,
    evidence,
    cure: [renew],
  })
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isAbsent(error)) return undefined
    throw error
  })
  if (text === undefined) return bad(`${path} is missing: this machine has no initiator name`)
  const name = parseInitiatorName(text)
  if (name === undefined) {
    // Debian's placeholder: the service's first start makes the name.
    const unborn = /^\s*GenerateName\s*=\s*yes/m.test(text)
    return bad(
      `${path} gives no InitiatorName${unborn ? ': the first start of open-iscsi makes it' : ''}`,
      unborn ? ['GenerateName=yes'] : [],
    )
  }
  if (!isIscsiName(name)) return bad(`"${name}" in ${path} is not an iSCSI name`)
  if (isExample(name)) return bad(`the initiator name ${name} is out of a manual: other machines have it too`, [path])
  return ok('initiator-name', `the kernel's initiator name is ${name}`)
}

/** Names as documents and images have them. RFC 2606 reserves example.com for such. */
function isExample(name: string): boolean {
  return /^iqn\.\d{4}-\d{2}\.(?:com|org|net)\.example\b/i.test(name)
}

/** A node record that open-iscsi keeps for a Nutanix target. */
export interface NodeRecord {
  targetName: string
  /** `10.0.0.5:3260`, IPv6 in brackets. */
  portal: string
  file: string
  settings: ReadonlyMap<string, string>
}

async function recordFindings(context: DoctorContext): Promise<Finding[]> {
  const [records, isOurs] = await Promise.all([nodeRecords(context.roots), ourTargets(context)])
  const automatic = records.filter(({ settings }) => settings.get('node.startup') !== 'manual')
  const endless = records.filter(({ settings }) => isEndless(settings.get(replacement)))
  const startup = automatic.map(({ targetName, portal, settings }): Finding => {
    const update = updateCommand({ targetName, portal }, 'node.startup', 'manual')
    return {
      id: 'node-startup',
      about: targetName,
      severity: 'problem',
      title: `this machine logs in to ${targetName} by itself when it starts, also when another has the volume by then`,
      evidence: [`node.startup = ${settings.get('node.startup') ?? 'not set'}`],
      cure: [update.join(' ')],
      ...fixOf(context, isOurs(targetName), `set node.startup = manual for ${targetName}`, update),
    }
  })
  const timeouts = endless.map(({ targetName, portal, settings }): Finding => {
    const update = updateCommand({ targetName, portal }, replacement, '120')
    return {
      id: 'replacement-timeout',
      about: targetName,
      severity: 'problem',
      title: `I/O to ${targetName} waits for ever when its session is lost, and with it whatever uses the volume`,
      evidence: [`${replacement} = ${settings.get(replacement) ?? ''}`],
      cure: [update.join(' ')],
      ...fixOf(context, isOurs(targetName), `set ${replacement} = 120 for ${targetName}`, update),
    }
  })
  return [
    ...(startup.length > 0 ? startup : [ok('node-startup', 'nothing logs in to Nutanix targets at boot')]),
    ...(timeouts.length > 0 ? timeouts : [await defaultTimeout(context.roots)]),
  ]
}

const replacement = 'node.session.timeo.replacement_timeout'

/** open-iscsi: 0 fails I/O at once, a negative value never does. */
function isEndless(value: string | undefined): boolean {
  return value !== undefined && Number(value) < 0
}

async function defaultTimeout(roots: HostRoots): Promise<Finding> {
  const path = join(roots.etc, 'iscsi', 'iscsid.conf')
  const text = await readFile(path, 'utf8').catch((error: unknown) => `# ${messageOf(error)}`)
  const value = parseSettings(text).get(replacement)
  if (isEndless(value))
    return {
      id: 'replacement-timeout',
      severity: 'warning',
      title: `I/O of new sessions waits for ever when they are lost; acs sets 120 s for its own`,
      evidence: [`${path}: ${replacement} = ${value ?? ''}`],
      cure: [`Set ${replacement} = 120 in ${path}`],
    }
  return ok('replacement-timeout', 'I/O of a lost session fails in the end', [
    value === undefined ? `${path} says nothing` : `${path}: ${value} s`,
  ])
}

/** The records of Nutanix targets in /etc/iscsi/nodes, without iscsiadm: it needs root and a lock. */
export async function nodeRecords(roots: HostRoots): Promise<NodeRecord[]> {
  const nodes = join(roots.etc, 'iscsi', 'nodes')
  const targets = (await namesIn(nodes)).filter((name) => name.startsWith(targetPrefix))
  const found = await Promise.all(
    targets.map(async (targetName) => {
      const portals = await namesIn(join(nodes, targetName))
      return Promise.all(portals.map((portal) => readNodeRecord(join(nodes, targetName, portal), targetName, portal)))
    }),
  )
  return found.flat()
}

/** A record is a file `<address>,<port>[,<tpgt>]`, or a folder of that name with one file per interface. */
async function readNodeRecord(path: string, targetName: string, name: string): Promise<NodeRecord> {
  const [address = '', port = ''] = name.split(',')
  const file = (await stat(path)).isDirectory() ? join(path, (await namesIn(path))[0] ?? 'default') : path
  const portal = `${address.includes(':') ? `[${address}]` : address}:${port}`
  return { targetName, portal, file, settings: parseSettings(await readFile(file, 'utf8')) }
}

/** `name = value` lines of open-iscsi's files; `#` starts a comment. */
export function parseSettings(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([^\s=#]+)\s*=\s*(.*?)\s*$/.exec(line)
    if (match?.[1] !== undefined) found.set(match[1], match[2] ?? '')
  }
  return found
}

function updateCommand(record: { targetName: string; portal: string }, name: string, value: string): string[] {
  const { targetName, portal } = record
  return ['iscsiadm', '-m', 'node', '-T', targetName, '-p', portal, '-o', 'update', '-n', name, '-v', value]
}

function fixOf(context: DoctorContext, ours: boolean, words: string, argv: readonly string[]): { fix?: Fix } {
  if (!ours) return {}
  const [command = '', ...args] = argv
  const run = async (deadline: Deadline): Promise<undefined> => {
    await context.runner.run(command, args, { deadline, timeoutMs: 30_000 })
  }
  return { fix: { words, run } }
}
