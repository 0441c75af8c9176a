import { AcsError, isAcsError } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import { together } from '../base/together.js'
import { deviceSize, flushDevice } from './blockdev.js'
import type { DeviceContent, Runner, RunResult } from './host.js'
import type { HostRoots } from './roots.js'

const mebibyte = 1024 ** 2
const headBytes = 2 * mebibyte
const tailBytes = mebibyte
/** Room for the second superblock of a filesystem whose head was wiped: btrfs at 64 MiB, ext4 at 128 MiB. */
const knownBackups = [64 * mebibyte, 128 * mebibyte]
const sampleBytes = 64 * 1024

export interface ContentContext {
  runner: Runner
  roots: HostRoots
  /** Milliseconds per tool. Default 30 s. */
  toolTimeoutMs?: number
}

/**
 * What is on a block device. 'blank' needs all of: libblkid finds neither filesystem nor partition table,
 * wipefs finds no signature of any kind, the first 2 MiB and the last 1 MiB are read in full and are zero,
 * and so are samples in between. Anything else is content; any tool that fails, is missing or does not
 * end in time throws (EACSPROBE, EACSTOOLMISSING), as a probe that failed proves nothing.
 *
 * @param request.fresh the device was attached a moment ago, for nobody else to write to: a filesystem that is seen on it is
 *   not what a cache remembers from before. That it is blank is proven without any cache all the same.
 */
export async function deviceContent(
  context: ContentContext,
  devicePath: string,
  deadline: Deadline,
  { fresh = false }: { fresh?: boolean } = {},
): Promise<DeviceContent> {
  const sizeBytes = await deviceSize(context.roots, devicePath)
  if (!(sizeBytes > 0)) throw probeFailed(devicePath, 'the device has no size', undefined)
  const { runner } = context
  const timeoutMs = context.toolTimeoutMs ?? 30_000
  const probe = async (tool: string, args: readonly string[], okExitCodes: readonly number[]): Promise<RunResult> => {
    try {
      return await runner.run(tool, args, { deadline, timeoutMs, okExitCodes })
    } catch (error) {
      throw asProbeError(error, devicePath, deadline)
    }
  }
  const flush = async (): Promise<void> => {
    try {
      // What the kernel cached of this device may be older than the disk: another host may have written.
      await flushDevice(runner, devicePath, deadline.atMost(timeoutMs))
    } catch (error) {
      throw asProbeError(error, devicePath, deadline)
    }
  }
  const look = async (): Promise<DeviceContent | undefined> => {
    const [signatures, wiped] = await together([
      probe('blkid', ['--probe', '--output', 'export', devicePath], [0, 2, 8]),
      probe('wipefs', ['--no-act', '--parsable', '--output', 'OFFSET,TYPE,UUID,LABEL', devicePath], [0]),
    ])
    return contentOfSignatures(readBlkid(devicePath, signatures), parseWipefs(wiped.stdout))
  }
  const seen = fresh ? await look() : undefined
  if (seen) return seen
  await flush()
  const found = await look()
  if (found) return found
  const evidence = ['blkid found no signature', 'wipefs found no signature']
  for (const range of rangesToRead(sizeBytes)) {
    const compared = await probe(
      'cmp',
      ['--bytes', String(range.length), '--ignore-initial', `${range.start}:0`, devicePath, '/dev/zero'],
      [0, 1],
    )
    // Exit 1 is also how cmp reports a device that ends too early; 2 is trouble, and thrown above.
    if (compared.exitCode !== 0) {
      const words = `${compared.stdout}${compared.stderr}`.trim()
      return {
        state: 'data',
        what: 'unknown data',
        evidence: [...evidence, `not zero from byte ${range.start} on: ${words}`],
      }
    }
    evidence.push(`${range.length} bytes from ${range.start} on are zero`)
  }
  return { state: 'blank', evidence }
}

/** Head, tail and samples, cut to the device and without overlap worth speaking of. */
export function rangesToRead(sizeBytes: number): { start: number; length: number }[] {
  if (sizeBytes <= headBytes + tailBytes) return [{ start: 0, length: sizeBytes }]
  const tailStart = sizeBytes - tailBytes
  const samples = [...knownBackups, ...[0.25, 0.5, 0.75].map((part) => Math.floor((sizeBytes * part) / 4096) * 4096)]
    .filter((start) => start >= headBytes && start + sampleBytes <= tailStart)
    .sort((one, other) => one - other)
    .map((start) => ({ start, length: sampleBytes }))
  return [{ start: 0, length: headBytes }, { start: tailStart, length: tailBytes }, ...samples]
}

interface BlkidAnswer {
  ambivalent: boolean
  values: Readonly<Record<string, string>>
}

/**
 * blkid(8): 0 found, 2 nothing found *or* an error, 8 several signatures that contradict each other. An
 * error speaks on stderr; a silent 2 is "nothing".
 */
function readBlkid(devicePath: string, result: RunResult): BlkidAnswer {
  const values = parseBlkidExport(result.stdout)
  if (result.exitCode === 8) return { ambivalent: true, values }
  const words = result.stderr.trim()
  if (words !== '') throw probeFailed(devicePath, `blkid said "${words}"`, undefined)
  if (result.exitCode === 2 && result.stdout.trim() !== '')
    throw probeFailed(devicePath, `blkid found nothing, but said "${result.stdout.trim()}"`, undefined)
  if (
    result.exitCode === 0 &&
    values.TYPE === undefined &&
    values.PTTYPE === undefined &&
    Object.keys(values).length === 0
  )
    throw probeFailed(devicePath, 'blkid found something, but did not say what', undefined)
  return { ambivalent: false, values }
}

/** `NAME=value` lines of `blkid -o export`; a backslash quotes the character behind it. */
export function parseBlkidExport(stdout: string): Record<string, string> {
  const values: Record<string, string> = {}
  for (const line of stdout.split('\n')) {
    const match = /^([A-Z0-9_]+)=(.*)$/.exec(line)
    if (match?.[1] === undefined || match[1] === 'DEVNAME') continue
    values[match[1]] = (match[2] ?? '').replace(/\\(.)/g, '$1')
  }
  return values
}

/** Types of the signatures in `wipefs --parsable --output OFFSET,TYPE,...`; the first line is a `#` heading. */
export function parseWipefs(stdout: string): { offset: string; type: string }[] {
  return stdout
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [offset, type] = line.split(',')
      return { offset: offset ?? '', type: type ?? '' }
    })
}

/** What the signatures say together; `undefined` when there is none at all. */
export function contentOfSignatures(
  blkid: BlkidAnswer,
  wipefs: readonly { offset: string; type: string }[],
): DeviceContent | undefined {
  const { TYPE: type, PTTYPE: partitions, USAGE: usage, UUID: uuid, LABEL: label } = blkid.values
  const found = [...new Set(wipefs.map((signature) => signature.type))]
  const evidence = [
    ...Object.entries(blkid.values)
      .filter(([name]) => ['TYPE', 'PTTYPE', 'USAGE', 'UUID', 'LABEL', 'VERSION'].includes(name))
      .map(([name, value]) => `blkid: ${name}=${value}`),
    ...wipefs.map((signature) => `wipefs: ${signature.type} at ${signature.offset}`),
  ]
  if (blkid.ambivalent)
    return { state: 'data', what: `several signatures (${found.join(', ') || 'blkid: ambivalent'})`, evidence }
  const others = found.filter((name) => name !== type)
  if (type !== undefined && usage === 'filesystem' && partitions === undefined && others.length === 0)
    return { state: 'filesystem', type, uuid, label, evidence }
  const what = [...new Set([type, partitions === undefined ? undefined : `${partitions} partition table`, ...others])]
    .filter((name) => name !== undefined)
    .join(', ')
  if (what === '' && Object.keys(blkid.values).every((name) => isTopology(name))) return undefined
  return { state: 'data', what: what || 'an unnamed signature', evidence }
}

/** blkid also tells a device's I/O limits; those are no content. */
function isTopology(name: string): boolean {
  return /_SIZE$|_OFFSET$|^DAX$|^DISKSEQ$|^BLOCK_SIZE$/.test(name)
}

/**
 * Zeroes a device that an interrupted mkfs of ours wrote to, and proves it: in full up to 1 GiB, beyond that by the
 * blank check. On a thin disk BLKZEROOUT becomes UNMAP or WRITE SAME and is quick.
 */
export async function zeroDevice(context: ContentContext, devicePath: string, deadline: Deadline): Promise<void> {
  const sizeBytes = await deviceSize(context.roots, devicePath)
  await context.runner.run('blkdiscard', ['--zeroout', devicePath], { deadline, timeoutMs: 3_600_000 })
  await flushDevice(context.runner, devicePath, deadline)
  if (sizeBytes <= 1024 ** 3)
    await context.runner.run('cmp', ['--bytes', String(sizeBytes), devicePath, '/dev/zero'], {
      deadline,
      timeoutMs: 600_000,
    })
  const content = await deviceContent(context, devicePath, deadline)
  if (content.state !== 'blank')
    throw new AcsError('failed', 'EACSNOTBLANK', `${devicePath} is not blank after it was zeroed`, {
      details: { evidence: content.evidence },
    })
}

function asProbeError(error: unknown, devicePath: string, deadline: Deadline): unknown {
  if (!isAcsError(error)) return error
  const toolTimedOut = error.code === 'EACSTIMEOUT' && deadline.remainingMs() > 0
  return error.code === 'EACSCOMMAND' || toolTimedOut ? probeFailed(devicePath, error.message, error) : error
}

function probeFailed(devicePath: string, why: string, cause: unknown): AcsError {
  return new AcsError('failed', 'EACSPROBE', `cannot tell what is on ${devicePath}: ${why}`, {
    cause,
    hints: ['Nothing was formatted. Look at the device: dmesg | tail'],
    details: { devicePath },
  })
}
