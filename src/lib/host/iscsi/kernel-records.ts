import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { ensureFolder, removeDurably, writeState } from '../../base/durable-file.js'

const recordSchema = v.object({ portal: v.string(), targetName: v.string(), lun: v.number() })

/** Which disk; the machine's sessions that have no record are other people's. */
export type DiskRecord = v.InferOutput<typeof recordSchema>

/** A name for a file, from text of any length and kind. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function recordFile(folder: string, disk: Pick<DiskRecord, 'targetName' | 'lun'>): string {
  return join(folder, `${shortHash(`${disk.targetName}\n${disk.lun}`)}.json`)
}

/** Says that acs attaches this disk, before anything is done. */
export async function writeRecord(folder: string, disk: DiskRecord): Promise<void> {
  const { portal, targetName, lun } = disk
  await writeState(recordFile(folder, disk), JSON.stringify({ portal, targetName, lun }))
}

/** Says that the disk is no longer acs's. */
export async function removeRecord(folder: string, disk: DiskRecord): Promise<void> {
  await ensureFolder(folder)
  await removeDurably(recordFile(folder, disk))
}

/** Disks acs attached, or began to. */
export async function readRecords(folder: string): Promise<DiskRecord[]> {
  const names = await readdir(folder).catch(() => [])
  const found: DiskRecord[] = []
  for (const name of names.filter((each) => each.endsWith('.json'))) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => undefined)
    if (text !== undefined) found.push(v.parse(recordSchema, JSON.parse(text)))
  }
  return found
}
