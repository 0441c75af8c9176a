import { AcsError, isAcsError } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import { deviceSize } from './blockdev.js'
import { deviceContent, type ContentContext } from './content.js'
import { exitCodeOf } from './exec.js'
import type { FilesystemType, MakeFilesystemRequest, Runner } from './host.js'

/**
 * How each mkfs is called. None gets its force flag: mkfs.xfs and mkfs.btrfs then refuse a device on which
 * they recognise something. mkfs.ext4 asks only on a terminal, and else goes ahead.
 *
 * ext4: no reserved blocks (-m 0: nobody's root shell lives on a data volume, and 5 % of what was paid
 * for would be missing). Inode tables and journal are initialised lazily, mkfs's default: a format is one
 * second instead of minutes, and the disk reads as zeros there anyway. `nodiscard` (-K for xfs and btrfs):
 * the device was just proven blank, discarding all of a thin disk again takes long and gives nothing.
 *
 * mkfs.btrfs with -U reads every disk of the machine, to see that no other filesystem has the UUID (btrfs-progs 6.2,
 * seen): one disk that does not answer keeps it until the deadline.
 */
const tools = {
  ext4: {
    command: 'mkfs.ext4',
    fixed: ['-q', '-m', '0', '-E', 'nodiscard'],
    identity: (uuid: string, label?: string) => ['-U', uuid, ...(label === undefined ? [] : ['-L', label])],
    labelBytes: 16,
    // -d, -l and -z name files, `-J device=` another device.
    refused: /^-[a-zA-Z]*[FLUnSqdlz]|device=/,
    minBytes: 8 * 1024 ** 2,
  },
  xfs: {
    command: 'mkfs.xfs',
    fixed: ['-q', '-K'],
    identity: (uuid: string, label?: string) => ['-m', `uuid=${uuid}`, ...(label === undefined ? [] : ['-L', label])],
    labelBytes: 12,
    // -c and -p name files, the log and the realtime section may be on other devices.
    refused: /^-[a-zA-Z]*[fLNqcp]|(?:uuid|name|logdev|rtdev)=/,
    minBytes: 300 * 1024 ** 2,
  },
  btrfs: {
    command: 'mkfs.btrfs',
    fixed: ['-q', '-K'],
    identity: (uuid: string, label?: string) => ['-U', uuid, ...(label === undefined ? [] : ['-L', label])],
    labelBytes: 255,
    refused: /^-[a-zA-Z]*[fLUrq]|^--(?:force|uuid|label|rootdir|quiet)/,
    minBytes: 128 * 1024 ** 2,
  },
} as const satisfies Record<FilesystemType, unknown>

/**
 * Makes a filesystem on a blank device, and looks for itself that it is blank, right before: whoever
 * calls this, nothing is overwritten. Throws EACSMKFSOPTION (usage) for an option that forces, renames or
 * redirects, EACSTOOSMALL, EACSNOTBLANK, EACSPROBE, EACSMKFS otherwise.
 */
export async function makeFilesystem(
  context: ContentContext,
  request: MakeFilesystemRequest,
  deadline: Deadline,
): Promise<void> {
  const tool = tools[request.type]
  const options = request.options ?? []
  assertMkfsOptions(request.type, options)
  const sizeBytes = await deviceSize(context.roots, request.devicePath)
  if (sizeBytes < tool.minBytes)
    throw new AcsError('usage', 'EACSTOOSMALL', `${request.type} needs at least ${tool.minBytes / 1024 ** 2} MiB`, {
      hints: ['Make the volume larger, or use ext4'],
      details: { sizeBytes, minBytes: tool.minBytes },
    })
  const content = await deviceContent(context, request.devicePath, deadline)
  if (content.state !== 'blank')
    throw new AcsError(
      'conflict',
      'EACSNOTBLANK',
      `${request.devicePath} is not blank: it holds ${content.state === 'filesystem' ? content.type : content.what}`,
      { hints: ['Nothing was formatted'], details: { devicePath: request.devicePath, evidence: content.evidence } },
    )
  const label = request.label === undefined ? undefined : clip(request.label, tool.labelBytes)
  const args = [...tool.fixed, ...tool.identity(request.uuid, label), ...options, request.devicePath]
  try {
    await context.runner.run(tool.command, args, { deadline, timeoutMs: 600_000 })
  } catch (error) {
    if (exitCodeOf(error) === undefined || !isAcsError(error)) throw error
    const words = String(error.details.stderr)
    const sawSomething = /appears to contain|contains a|already|existing (?:filesystem|partition)/i.test(words)
    throw new AcsError(
      sawSomething ? 'conflict' : 'failed',
      sawSomething ? 'EACSNOTBLANK' : 'EACSMKFS',
      `${tool.command} refused ${request.devicePath}: ${words}`,
      { cause: error, details: { devicePath: request.devicePath, type: request.type, evidence: words } },
    )
  }
}

/** Throws EACSMKFSOPTION for an mkfs option that acs decides itself (force, uuid, label, dry run) or that names a file. */
export function assertMkfsOptions(type: FilesystemType, options: readonly string[]): void {
  // Relative paths too: the tools run in `/`.
  const bad = options.find((option) => tools[type].refused.test(option) || option.includes('/') || option === '')
  if (bad === undefined) return
  throw new AcsError('usage', 'EACSMKFSOPTION', `mkfs option "${bad}" cannot be used`, {
    hints: ['Force flags, UUID, label and other devices are not for options to set'],
    details: { option: bad, type },
  })
}

/** Exit codes of e2fsck are bits, or-ed together: each of them is an answer. */
const e2fsckAnswers = Array.from({ length: 256 }, (_, code) => code)

/** ext4: `e2fsck -p`, e2fsck(8): 0 clean, 1 repaired, 2 repaired and wants a reboot of what uses it; others refuse. */
export async function checkFilesystem(
  runner: Runner,
  devicePath: string,
  type: FilesystemType,
  deadline: Deadline,
): Promise<string[]> {
  // xfs and btrfs replay their log at mount; a repair by guess (xfs_repair -L) loses data.
  if (type !== 'ext4') return []
  const { exitCode, stdout, stderr } = await runner.run('e2fsck', ['-p', devicePath], {
    deadline,
    timeoutMs: 600_000,
    okExitCodes: e2fsckAnswers,
  })
  const words = `${stdout}${stderr}`.trim()
  if (exitCode === 0) return []
  if (exitCode === 1) return [`e2fsck repaired ${devicePath}: ${words}`]
  if (exitCode <= 3) return [`e2fsck repaired ${devicePath} and asks for a reboot: ${words}`]
  throw new AcsError(
    'failed',
    'EACSFSCK',
    `${devicePath} has errors that need a decision (e2fsck ${exitCode}): ${words}`,
    {
      hints: ['Take a snapshot first', `e2fsck -n ${devicePath} shows them without changing anything`],
      details: { devicePath, exitCode, evidence: words },
    },
  )
}

interface GrowRequest {
  devicePath: string
  mountPoint?: string
  type: FilesystemType
}

/** Grows a filesystem to its device: mounted online; ext4 without a mount point offline, checked first. */
export async function growFilesystem(runner: Runner, request: GrowRequest, deadline: Deadline): Promise<void> {
  const { devicePath, mountPoint, type } = request
  if (type === 'ext4' && mountPoint === undefined)
    // resize2fs insists on a forced check; 0 and 1 are good ends of it.
    await runner.run('e2fsck', ['-f', '-p', devicePath], { deadline, timeoutMs: 600_000, okExitCodes: [0, 1] })
  const command = growCommand(request)
  try {
    await runner.run(command.tool, command.args, { deadline, timeoutMs: 600_000 })
  } catch (error) {
    if (exitCodeOf(error) === undefined || !isAcsError(error)) throw error
    const words = String(error.details.stderr)
    // The kernel's EPERM in ext4_resize_begin(); root in a container often lacks this capability.
    if (type === 'ext4' && mountPoint !== undefined && /permission denied/i.test(words))
      throw new AcsError(
        'precondition',
        'EACSNOCAPABILITY',
        `the ext4 at ${mountPoint} may not be grown while mounted: that needs the capability CAP_SYS_RESOURCE`,
        {
          cause: error,
          hints: [
            'Give acs CAP_SYS_RESOURCE (docker run --cap-add SYS_RESOURCE)',
            'Or unmount the volume and grow it then',
          ],
          details: { ...request, evidence: words },
        },
      )
    throw new AcsError(
      'failed',
      'EACSGROW',
      `the ${type} on ${mountPoint ?? devicePath} could not be grown: ${words}`,
      {
        cause: error,
        details: { ...request },
      },
    )
  }
}

function growCommand({ devicePath, mountPoint, type }: GrowRequest): { tool: string; args: string[] } {
  if (type === 'ext4') return { tool: 'resize2fs', args: [devicePath] }
  if (mountPoint === undefined)
    throw new AcsError('usage', 'EACSGROW', `${type} grows only while it is mounted`, { details: { devicePath } })
  if (type === 'xfs') return { tool: 'xfs_growfs', args: ['-d', mountPoint] }
  return { tool: 'btrfs', args: ['filesystem', 'resize', 'max', mountPoint] }
}

/** Stops writes and makes what is on disk consistent (FIFREEZE). Frozen already is fine. */
export async function freezeFilesystem(runner: Runner, mountPoint: string, deadline: Deadline): Promise<void> {
  await changeFreeze(runner, '--freeze', mountPoint, /busy/i, deadline)
}

/** Lets writes go on (FITHAW). Not frozen is fine. */
export async function thawFilesystem(runner: Runner, mountPoint: string, deadline: Deadline): Promise<void> {
  await changeFreeze(runner, '--unfreeze', mountPoint, /invalid argument/i, deadline)
}

/** The kernel answers EBUSY to freezing what is frozen, EINVAL to thawing what is not. */
async function changeFreeze(
  runner: Runner,
  flag: string,
  mountPoint: string,
  already: RegExp,
  deadline: Deadline,
): Promise<void> {
  const { exitCode, stderr } = await runner.run('fsfreeze', [flag, mountPoint], {
    deadline,
    timeoutMs: 60_000,
    okExitCodes: [0, 1],
  })
  if (exitCode === 0 || already.test(stderr)) return
  throw new AcsError('failed', 'EACSFREEZE', `fsfreeze ${flag} ${mountPoint} failed: ${stderr.trim()}`, {
    details: { mountPoint },
  })
}

/** At most `bytes` of UTF-8, never half a character. */
function clip(text: string, bytes: number): string {
  let clipped = text
  while (Buffer.byteLength(clipped) > bytes) clipped = clipped.slice(0, -1)
  return clipped
}
