import { isAcsError } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import { packageOf } from '../host/packages.js'
import type { DoctorContext } from './context.js'
import { ok, type Finding } from './finding.js'
import { isAtLeast, versionIn } from './versions.js'

/** As `engines` in package.json. */
const leastNode = '20.19'

/** Node.js and who runs it. */
export function nodeFindings(version = process.versions.node, uid = process.getuid?.()): Finding[] {
  const node: Finding = isAtLeast(version, leastNode)
    ? ok('node', `Node.js ${version}`)
    : {
        id: 'node',
        severity: 'problem',
        title: `Node.js ${version} is too old: acs needs ${leastNode} or later`,
        evidence: [process.execPath],
        cure: ['Install Node.js 20.19, 22 or 24'],
      }
  if (uid === 0) return [node]
  return [
    node,
    {
      id: 'root',
      severity: 'info',
      title: 'without root, only part of this machine can be seen, and nothing can be attached',
      evidence: [`user ${String(uid)}`],
      cure: ['sudo acs doctor'],
    },
  ]
}

interface Tool {
  name: string
  /** What prints its version. */
  args: readonly string[]
  /** Without it: nothing works, only volumes of that filesystem do not, or one initiator does not (which says so itself). */
  need: 'always' | 'ext4' | 'xfs' | 'btrfs' | 'initiator'
}

const tools: readonly Tool[] = [
  ...['blkid', 'wipefs', 'blockdev', 'mount', 'umount', 'flock', 'fsfreeze', 'stat', 'dd'].map((name): Tool => ({
    name,
    args: ['--version'],
    need: 'always',
  })),
  { name: 'mkfs.ext4', args: ['-V'], need: 'ext4' },
  { name: 'e2fsck', args: ['-V'], need: 'ext4' },
  { name: 'resize2fs', args: [], need: 'ext4' },
  { name: 'mkfs.xfs', args: ['-V'], need: 'xfs' },
  { name: 'xfs_growfs', args: ['-V'], need: 'xfs' },
  { name: 'mkfs.btrfs', args: ['--version'], need: 'btrfs' },
  ...['iscsiadm', 'iscsid', 'losetup', 'qemu-storage-daemon', 'fusermount3'].map((name): Tool => ({
    name,
    args: ['--version'],
    need: 'initiator',
  })),
]

/** The tools acs calls, with their versions. */
export async function toolFindings({ runner }: DoctorContext, deadline: Deadline): Promise<Finding[]> {
  const looked = await Promise.all(
    tools.map(async (tool) => {
      try {
        // Their exit codes differ; that they print is enough. `resize2fs` has no version but in its usage.
        const okExitCodes = [0, 1, 2, 16]
        const { stdout, stderr } = await runner.run(tool.name, tool.args, { deadline, timeoutMs: 4_000, okExitCodes })
        return { tool, version: versionIn(stdout + stderr) ?? 'of unknown version' }
      } catch (error) {
        if (!isAcsError(error, 'EACSTOOLMISSING')) throw error
        return { tool, missing: error.message }
      }
    }),
  )
  const present = looked.flatMap(({ tool, version }) => (version === undefined ? [] : [`${tool.name} ${version}`]))
  const missing = looked.flatMap(({ tool, missing }) => (missing === undefined ? [] : [missingTool(tool, missing)]))
  return [ok('tools', `${present.length} tools found`, present), ...missing.flat()]
}

function missingTool({ name, need }: Tool, words: string): Finding[] {
  // Which initiator works, and what each lacks, is a finding of its own.
  if (need === 'initiator') return []
  const packageName = packageOf(name)
  return [
    {
      id: 'tool-missing',
      about: name,
      // ext4 is the default: without its tools `docker volume create` of the plainest kind fails.
      severity: need === 'always' || need === 'ext4' ? 'problem' : 'info',
      title: need === 'always' ? words : `${words}: volumes with ${need} cannot be made or grown here`,
      evidence: [],
      cure: [packageName === undefined ? `Install ${name}` : `apt-get install ${packageName}`],
    },
  ]
}
