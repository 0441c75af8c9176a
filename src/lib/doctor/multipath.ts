import type { Deadline } from '../base/deadline.js'
import { multipathRuns } from '../host/iscsi/multipath.js'
import type { DoctorContext } from './context.js'
import { ok, type Finding } from './finding.js'

/** multipathd's settings for Nutanix disks, where one runs. Nutanix needs none: one portal that moves. */
export async function multipathFindings({ runner, roots }: DoctorContext, deadline: Deadline): Promise<Finding[]> {
  if (!(await multipathRuns(roots))) return [ok('multipath', 'no multipathd runs, and none is needed')]
  // `-t` prints the built-in settings with /etc/multipath.conf over them, and touches no device.
  const { stdout } = await runner.run('multipath', ['-t'], { deadline, timeoutMs: 4_000 })
  return [judge(parseMultipathConfig(stdout))]
}

/** One `name value` line or `name { ... }` block of a multipath configuration. */
export interface MultipathBlock {
  name: string
  values: ReadonlyMap<string, readonly string[]>
  blocks: readonly MultipathBlock[]
}

function judge(config: MultipathBlock): Finding {
  const defaults = config.blocks.find(({ name }) => name === 'defaults')
  const findMultipaths = last(defaults, 'find_multipaths') ?? 'off'
  const ours = (config.blocks.find(({ name }) => name === 'devices')?.blocks ?? []).filter(isNutanix)
  const queues = [defaults, ...ours, config.blocks.find(({ name }) => name === 'overrides')].some(queuesForEver)
  const evidence = [`find_multipaths ${findMultipaths}`, 'multipath -t']
  if (isBlacklisted(config)) return ok('multipath', 'multipathd leaves Nutanix disks alone', ['blacklist', ...evidence])
  const cure = [
    'In /etc/multipath.conf: blacklist { device { vendor "NUTANIX" product "VDISK" } }',
    'systemctl reload multipathd',
  ]
  // A single path is claimed by these; `yes` and `strict` want a second one first (multipath.conf(5)).
  const claims = ['off', 'no', 'greedy'].includes(findMultipaths)
  if (claims && queues)
    return {
      id: 'multipath',
      severity: 'problem',
      title:
        'multipathd takes Nutanix disks and queues I/O for ever when their session is lost: what uses the volume hangs',
      evidence: ['no_path_retry queue, or queue_if_no_path', ...evidence],
      cure,
    }
  if (findMultipaths === 'smart')
    return {
      id: 'multipath',
      severity: 'warning',
      title: 'multipathd holds back every new disk for some seconds, in the hope of a second path',
      evidence,
      cure,
    }
  if (claims)
    return {
      id: 'multipath',
      severity: 'info',
      title: 'multipathd puts a map over Nutanix disks; acs copes, and needs none',
      evidence,
      cure,
    }
  return ok('multipath', 'multipathd takes no disk with a single path', evidence)
}

/** SCSI vendor and product of a Nutanix disk, as INQUIRY gives them. */
const vendor = 'NUTANIX'
const product = 'VDISK'

function isBlacklisted({ blocks }: MultipathBlock): boolean {
  const listed = (name: string): boolean =>
    blocks.filter((block) => block.name === name).some((block) => block.blocks.some(isNutanix))
  return listed('blacklist') && !listed('blacklist_exceptions')
}

/** Vendor and product are extended regular expressions, matched anywhere; a missing product matches all. */
function isNutanix(device: MultipathBlock): boolean {
  return (
    device.name === 'device' &&
    matches(last(device, 'vendor'), vendor) &&
    (last(device, 'product') === undefined || matches(last(device, 'product'), product))
  )
}

function matches(expression: string | undefined, text: string): boolean {
  if (expression === undefined) return false
  try {
    const negated = expression.startsWith('!')
    return new RegExp(negated ? expression.slice(1) : expression).test(text) !== negated
  } catch {
    return false
  }
}

function queuesForEver(block: MultipathBlock | undefined): boolean {
  const retry = last(block, 'no_path_retry')
  if (retry !== undefined) return retry === 'queue'
  return last(block, 'features')?.includes('queue_if_no_path') ?? false
}

function last(block: MultipathBlock | undefined, name: string): string | undefined {
  return block?.values.get(name)?.at(-1)
}

/** multipath.conf(5): `name {` ... `}` and `name value`, quotes around values optional, `#` and `!` start a comment line. */
export function parseMultipathConfig(text: string): MultipathBlock {
  const root = newBlock('')
  const open = [root]
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    const current = open.at(-1) ?? root
    if (line === '' || line.startsWith('#') || line.startsWith('!')) continue
    if (line === '}') {
      if (open.length > 1) open.pop()
      continue
    }
    const start = /^(\w+)\s*\{$/.exec(line)
    if (start?.[1] !== undefined) {
      const block = newBlock(start[1])
      current.blocks.push(block)
      open.push(block)
      continue
    }
    const setting = /^(\w+)\s+(?:"([^"]*)"|(\S+))/.exec(line)
    if (setting?.[1] === undefined) continue
    const values = current.values.get(setting[1]) ?? []
    current.values.set(setting[1], [...values, setting[2] ?? setting[3] ?? ''])
  }
  return root
}

function newBlock(name: string): { name: string; values: Map<string, string[]>; blocks: MultipathBlock[] } {
  return { name, values: new Map(), blocks: [] }
}
