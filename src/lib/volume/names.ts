import { createHash } from 'node:crypto'
import { AcsError } from '../base/errors.js'
import { printable } from '../base/printable.js'
import { isUuid } from '../base/uuid.js'

export { isUuid, printable }

/** Prism v3 documents 256 characters for a group's name; a snapshot is a group named `<volume>@<snapshot>`. */
const maxVolumeName = 190
const maxSnapshotName = 64

const strict = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

/** Checks the name of a volume to be made. Throws EACSNAME (usage). Existing groups may have any name. */
export function checkVolumeName(name: string): string {
  if (isUuid(name)) throw badName('volume', name, 'it looks like a UUID, and a UUID names the group that has it')
  return checkName('volume', name, maxVolumeName)
}

/** Checks the name of a snapshot to be made, the part after `@`. Throws EACSNAME (usage). */
export function checkSnapshotName(name: string): string {
  return checkName('snapshot', name, maxSnapshotName)
}

export function snapshotGroupName(volume: string, snapshot: string): string {
  return `${volume}@${snapshot}`
}

/** Splits `VOLUME@SNAPSHOT`. Throws EACSNAME (usage) when either part is missing. */
export function parseSnapshotReference(text: string): { volume: string; snapshot: string } {
  const at = text.lastIndexOf('@')
  if (at <= 0 || at === text.length - 1)
    throw new AcsError('usage', 'EACSNAME', `${printable(text)} does not name a snapshot`, {
      hints: ['A snapshot is written VOLUME@SNAPSHOT, for example db@before-upgrade'],
    })
  return { volume: text.slice(0, at), snapshot: text.slice(at + 1) }
}

/**
 * UUID of generation `generation` of a name on a cluster: the same on every host, so that two hosts that
 * create one name at once ask for the same group and the cluster refuses one of them.
 */
export function uuidForName(clusterUuid: string, name: string, generation: number): string {
  const hash = createHash('sha256').update(`acs volume\0${clusterUuid}\0${name}\0${generation}`).digest()
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x40
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

function checkName(kind: string, name: string, longest: number): string {
  if (name === '') throw badName(kind, name, 'it is empty')
  if (name.length > longest)
    throw badName(kind, `${name.slice(0, 20)}...`, `it has ${name.length} characters, at most ${longest} fit`)
  if (!strict.test(name))
    throw badName(kind, name, 'it may have letters, digits, "_", "." and "-", and starts with a letter or digit')
  return name
}

function badName(kind: string, name: string, why: string): AcsError {
  return new AcsError('usage', 'EACSNAME', `"${printable(name)}" cannot name a ${kind}: ${why}`, {
    hints: [`Choose a name like db or web-data_1`],
  })
}
