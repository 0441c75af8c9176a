import { open, readFile, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { AcsError, errorCode } from '../../base/errors.js'
import { writeDurably } from '../../base/durable-file.js'

/**
 * A log of JSON entries with a snapshot under it: `snapshot.json` names the generation of the log that
 * continues it, `journal-<generation>.log` holds one line a change, with a checksum in front.
 *
 * Entries given while a write is on its way to the disk go together in the next one, so that a hundred
 * changes at once cost about two fdatasync, not a hundred.
 */
export class Journal {
  private pending: string[] = []
  private waiting: { resolve: () => void; reject: (error: unknown) => void }[] = []
  private writing: Promise<void> | undefined
  private failure: unknown
  private bytes: number

  private constructor(
    private readonly folder: string,
    private generation: number,
    private file: FileHandle,
    bytes: number,
    private snapshotBytes: number,
    private readonly capture: () => unknown,
  ) {
    this.bytes = bytes
  }

  /**
   * Opens the log in `folder` and hands what it holds to `replay`: the snapshot first, then each entry.
   * `capture` gives the whole state for the next snapshot.
   */
  static async open(
    folder: string,
    replay: { snapshot: (state: unknown) => void; entry: (entry: unknown) => void; cut: (bytes: number) => void },
    capture: () => unknown,
  ): Promise<Journal> {
    const snapshot = await readIfPresent(join(folder, 'snapshot.json'))
    let generation = 0
    if (snapshot) {
      const parsed: unknown = JSON.parse(snapshot.toString('utf8'))
      if (!isSnapshot(parsed)) throw damaged(folder, 'snapshot.json is not a snapshot of a simulator')
      generation = parsed.generation
      replay.snapshot(parsed.state)
    }
    const path = join(folder, logName(generation))
    const log = (await readIfPresent(path)) ?? Buffer.alloc(0)
    const whole = readEntries(log, replay.entry)
    // A crash can leave half a line behind: it was never acknowledged.
    if (whole < log.length) replay.cut(log.length - whole)
    await removeQuietly(join(folder, logName(generation - 1)))
    const file = await open(path, 'a', 0o600)
    if (whole < log.length) {
      await file.truncate(whole)
      await file.datasync()
    }
    return new Journal(folder, generation, file, whole, snapshot?.length ?? 0, capture)
  }

  append(entry: unknown): void {
    const text = JSON.stringify(entry)
    this.pending.push(`${crc32(text).toString(16).padStart(8, '0')} ${text}\n`)
    this.writing ??= this.write()
  }

  /** Resolves when everything appended so far is on stable storage; rejects once the disk has failed. */
  async durable(): Promise<void> {
    if (this.failure) throw damaged(this.folder, 'a write to the journal failed', this.failure)
    if (!this.writing) return
    await new Promise<void>((resolve, reject) => this.waiting.push({ resolve, reject }))
  }

  async close(): Promise<void> {
    try {
      await this.durable()
    } finally {
      await this.file.close()
    }
  }

  private async write(): Promise<void> {
    // One turn of the event loop gathers what arrives together.
    await Promise.resolve()
    while (this.pending.length > 0 || this.waiting.length > 0) {
      const { pending, waiting } = this
      this.pending = []
      this.waiting = []
      try {
        if (pending.length > 0) await this.store(pending)
        for (const { resolve } of waiting) resolve()
      } catch (error) {
        // After a failed fsync nothing is known about the file: refuse all further changes.
        this.failure = error
        for (const { reject } of [...waiting, ...this.waiting])
          reject(damaged(this.folder, 'a write to the journal failed', error))
        this.waiting = []
        this.pending = []
      }
    }
    this.writing = undefined
  }

  private async store(lines: readonly string[]): Promise<void> {
    if (this.failure) throw damaged(this.folder, 'an earlier write to the journal failed', this.failure)
    if (this.bytes > Math.max(4 * 1024 ** 2, 2 * this.snapshotBytes)) return this.compact()
    const data = Buffer.from(lines.join(''))
    await this.file.appendFile(data)
    await this.file.datasync()
    this.bytes += data.length
  }

  /** The state in memory already holds the pending lines, so the snapshot replaces them too. */
  private async compact(): Promise<void> {
    const generation = this.generation + 1
    const text = JSON.stringify({ generation, state: this.capture() })
    // The new log must exist before the snapshot names it; an empty one without snapshot is harmless.
    const path = join(this.folder, logName(generation))
    await writeDurably(path, '')
    const file = await open(path, 'a', 0o600)
    await writeDurably(join(this.folder, 'snapshot.json'), text)
    const old = this.file
    const oldPath = join(this.folder, logName(this.generation))
    this.file = file
    this.generation = generation
    this.bytes = 0
    this.snapshotBytes = text.length
    await old.close()
    await removeQuietly(oldPath)
  }
}

/** Calls `entry` for each whole line; returns the length of the whole part. */
export function readEntries(log: Buffer, entry: (value: unknown) => void): number {
  let start = 0
  for (;;) {
    const end = log.indexOf(0x0a, start)
    if (end === -1) return start
    const line = log.subarray(start, end)
    const text = line.subarray(9)
    if (line.length < 10 || Number.parseInt(line.subarray(0, 8).toString('latin1'), 16) !== crc32(text)) return start
    entry(JSON.parse(text.toString('utf8')))
    start = end + 1
  }
}

function logName(generation: number): string {
  return `journal-${generation}.log`
}

async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function removeQuietly(path: string): Promise<void> {
  await rm(path, { force: true })
}

function isSnapshot(value: unknown): value is { generation: number; state: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'generation' in value &&
    Number.isSafeInteger(value.generation) &&
    'state' in value
  )
}

function damaged(folder: string, what: string, cause?: unknown): AcsError {
  return new AcsError('failed', 'EACSSIMSTATE', `the simulator's state in ${folder} cannot be used: ${what}`, {
    cause,
    hints: ['Look at free space and permissions of that folder', 'acs sim reset   # forgets the whole cluster'],
  })
}
