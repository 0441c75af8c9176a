import { join } from 'node:path'
import { readRecords } from '../host/iscsi/kernel-records.js'
import { isUuid } from '../volume/names.js'
import type { DoctorContext } from './context.js'
import { namesIn } from './folder.js'

/** UUIDs in the names of the files that this machine keeps of volumes, in one folder of its state. */
export async function keptUuids(stateFolder: string, folder: 'attached' | 'chap' | 'journal'): Promise<string[]> {
  const names = await namesIn(join(stateFolder, folder))
  return names.map((name) => name.replace(/\.json$/, '')).filter(isUuid)
}

/**
 * Tells the targets that acs attached on this machine: by the kernel initiator's records, which a reboot clears, or by
 * this machine's copies of the holder records. Prism puts a group's UUID into its target's name.
 */
export async function ourTargets(context: DoctorContext): Promise<(targetName: string) => boolean> {
  const [records, uuids] = await Promise.all([
    readRecords(join(context.runtimeFolder, 'kernel')),
    keptUuids(context.stateFolder, 'attached'),
  ])
  const names = new Set(records.map((record) => record.targetName))
  return (targetName) => names.has(targetName) || uuids.some((uuid) => targetName.includes(uuid))
}
