import { createHash } from 'node:crypto'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { deadlineIn } from '../base/deadline.js'
import { isAcsError, messageOf } from '../base/errors.js'
import { ownDiskFull, type JobParts } from './job-parts.js'
import type { Checksum, ImageRecord } from './store/machine-records.js'
import { errorCodes, WireError } from './wire-error.js'

const convertWithinMs = 3_600_000
const zeroes = Buffer.alloc(1024 * 1024)

/**
 * Brings the content of a URL into a new disk and returns its size in bytes: raw as it is, qcow2 converted. What was
 * downloaded must have the checksum that was given for it.
 *
 * @throws WireError with the text the task fails with.
 */
export async function importImage(
  parts: JobParts,
  job: { image: ImageRecord; diskUuid: string; url: string },
  signal: AbortSignal,
): Promise<number> {
  const { image, diskUuid } = job
  const url = checkUrl(job.url)
  const room = parts.containers.room(image.containerUuid)
  const noSpace = (): WireError => parts.rules.noSpace(image.containerUuid)
  try {
    return await parts.disks.fill(diskUuid, async ({ download, disk, keepDownload }) => {
      const sum = await fetchInto(url, download, { room, noSpace, checksum: image.checksum }, signal)
      if (image.checksum && sum !== image.checksum.value)
        throw failure(`Checksum mismatch: ${image.checksum.type} of the image is ${sum}, not ${image.checksum.value}`)
      const qcow2 = await readQcow2Header(download)
      if (!qcow2) {
        await keepDownload()
        return
      }
      if (qcow2.sizeBytes > room) throw noSpace()
      if (qcow2.external) throw failure('The qcow2 image refers to other files, which the cluster does not have')
      await convertQcow2(download, disk, signal)
    })
  } catch (error) {
    throw ownDiskFull(error) ?? error
  }
}

/** Text of a URL without user and password, for errors and logs. */
function plainUrl(url: URL): string {
  const plain = new URL(url)
  plain.username = ''
  plain.password = ''
  return plain.href
}

function checkUrl(text: string): URL {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw failure('The URL of the image cannot be read')
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') return url
  throw failure(`Images are downloaded by http and https only; the simulator does not read ${url.protocol} URLs`)
}

interface Limits {
  room: number
  noSpace: () => WireError
  checksum?: Checksum
}

/** Writes what the URL has, holes left out; returns the checksum of it all, in hex, where one is asked for. */
async function fetchInto(url: URL, path: string, limits: Limits, signal: AbortSignal): Promise<string | undefined> {
  const { room, noSpace, checksum } = limits
  const hash = checksum && createHash(checksum.type === 'SHA_1' ? 'sha1' : 'sha256')
  const body = await request(url, signal)
  const file = await open(path, 'wx', 0o600)
  try {
    let at = 0
    for await (const piece of pieces(body, url)) {
      if (at + piece.length > room) throw noSpace()
      hash?.update(piece)
      await writeSparse(file, piece, at)
      at += piece.length
    }
    if (at === 0) throw failure(`The image at ${plainUrl(url)} is empty`)
    await file.truncate(at)
  } finally {
    await file.close()
  }
  return hash?.digest('hex')
}

async function request(url: URL, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  let response: Response
  const { username, password } = url
  const authorization = `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
  try {
    response = await fetch(plainUrl(url), {
      signal,
      // The checksum is of the file, not of what a server makes of it for the way.
      headers: { 'Accept-Encoding': 'identity', ...(username !== '' && { Authorization: authorization }) },
    })
  } catch (error) {
    throw downloadFailure(url, error)
  }
  if (response.status !== 200 || !response.body) {
    await response.body?.cancel()
    throw failure(`Failed to download image from ${plainUrl(url)}: HTTP ${response.status}`)
  }
  return response.body
}

async function* pieces(body: AsyncIterable<Uint8Array>, url: URL): AsyncIterable<Buffer> {
  try {
    for await (const piece of body) yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
  } catch (error) {
    if (error instanceof WireError) throw error
    throw downloadFailure(url, error)
  }
}

async function writeSparse(file: FileHandle, piece: Buffer, at: number): Promise<void> {
  for (let from = 0; from < piece.length; from += zeroes.length) {
    const part = piece.subarray(from, from + zeroes.length)
    if (part.compare(zeroes, 0, part.length) !== 0) await file.write(part, 0, part.length, at + from)
  }
}

interface Qcow2 {
  sizeBytes: number
  /** A backing file or data elsewhere: converting it would read any file of this machine that its maker names. */
  external: boolean
}

/** qcow2 specification of QEMU: magic, version, backing file at 8, virtual size at 24, incompatible features at 72. */
async function readQcow2Header(path: string): Promise<Qcow2 | undefined> {
  const file = await open(path, 'r')
  try {
    const header = Buffer.alloc(104)
    await file.read(header, 0, header.length, 0)
    if (header.toString('latin1', 0, 4) !== 'QFI\xfb') return undefined
    const externalData = header.readUInt32BE(4) >= 3 && (header.readBigUInt64BE(72) & 4n) !== 0n
    return {
      sizeBytes: Number(header.readBigUInt64BE(24)),
      external: externalData || header.readBigUInt64BE(8) !== 0n,
    }
  } finally {
    await file.close()
  }
}

async function convertQcow2(from: string, to: string, signal: AbortSignal): Promise<void> {
  const { createRunner } = await import('../host/exec.js')
  const argv = ['convert', '-f', 'qcow2', '-O', 'raw', from, to]
  try {
    await createRunner().run('qemu-img', argv, {
      deadline: deadlineIn(convertWithinMs, signal),
      timeoutMs: convertWithinMs,
    })
    await stat(to)
  } catch (error) {
    if (isAcsError(error, 'EACSTOOLMISSING'))
      throw failure('A qcow2 image needs qemu-img on the machine of the simulator, which is not there')
    throw failure(`The qcow2 image cannot be converted: ${messageOf(error)}`)
  }
}

function downloadFailure(url: URL, error: unknown): WireError {
  // fetch wraps what happened to the connection.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return failure(`Failed to download image from ${plainUrl(url)}: ${messageOf(cause)}`)
}

function failure(message: string): WireError {
  return new WireError(500, message, errorCodes.general)
}
