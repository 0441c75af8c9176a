import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { ensureFolder, removeDurably, writeState } from '../base/durable-file.js'
import { AcsError } from '../base/errors.js'
import { hardwareUuid } from '../host/hardware.js'
import { isUuid } from './names.js'
import type { Holder } from './trailer.js'

const recordSchema = v.object({
  n: v.string(),
  i: v.string(),
  b: v.optional(v.string()),
  s: v.string(),
  /** Of the hardware it was written on: a clone of the whole machine has the file too. */
  hardware: v.optional(v.string()),
})

/**
 * This machine's own copies of the holder records it wrote, newest first, kept before the cluster's changes.
 * After a restart they prove that the earlier boot was this machine's: one cloned from a template has the same
 * names but not the copies; one cloned later has them, and other hardware. Unreadable copies prove nothing.
 */
export async function rememberedHolds(stateFolder: string, volumeUuid: string): Promise<Holder[]> {
  let text: string
  try {
    text = await readFile(pathOf(stateFolder, volumeUuid), 'utf8')
  } catch {
    return []
  }
  const records = v.safeParse(v.pipe(v.string(), v.parseJson(), v.array(recordSchema)), text)
  if (!records.success) return []
  const here = await hardwareUuid()
  return records.output.filter(({ hardware }) => hardware === undefined || here === undefined || hardware === here)
}

/** Keeps some from before too: a crash before the cluster's change leaves an older one in force. */
export async function rememberHold(stateFolder: string, volumeUuid: string, holder: Holder): Promise<void> {
  const before = await rememberedHolds(stateFolder, volumeUuid)
  const copy = { ...holder, hardware: await hardwareUuid() }
  await writeState(pathOf(stateFolder, volumeUuid), JSON.stringify([copy, ...before].slice(0, 4)) + '\n')
}

/** Forgets one copy again, when the cluster refused that holder. */
export async function forgetHold(stateFolder: string, volumeUuid: string, holder: Holder): Promise<void> {
  const left = (await rememberedHolds(stateFolder, volumeUuid)).filter((copy) => copy.s !== holder.s)
  if (left.length === 0) await forgetHolds(stateFolder, volumeUuid)
  else await writeState(pathOf(stateFolder, volumeUuid), JSON.stringify(left) + '\n')
}

export async function forgetHolds(stateFolder: string, volumeUuid: string): Promise<void> {
  await ensureFolder(join(stateFolder, 'attached'))
  await removeDurably(pathOf(stateFolder, volumeUuid))
}

function pathOf(stateFolder: string, volumeUuid: string): string {
  if (!isUuid(volumeUuid)) throw new AcsError('bug', 'EACSBUG', `"${volumeUuid}" is not the UUID of a volume`)
  return join(stateFolder, 'attached', `${volumeUuid.toLowerCase()}.json`)
}
