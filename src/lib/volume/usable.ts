import { AcsError } from '../base/errors.js'
import { printable } from './names.js'
import { isTrashed, nameOf, type Volume } from './volume.js'

/** Only a volume can be attached and changed: no snapshot, and nothing in the trash. Throws EACSSNAPSHOT, EACSTRASHED. */
export function refuseUnusable(volume: Volume): void {
  refuseSnapshot(volume)
  refuseTrashed(volume)
}

/** A snapshot stays as it was taken: whoever attached it could write to it. */
function refuseSnapshot(volume: Volume): void {
  const { name } = volume.group
  if (!volume.trailer?.snap) return
  throw new AcsError('conflict', 'EACSSNAPSHOT', `${nameOf(volume)} is a snapshot and cannot be attached`, {
    hints: [`Make a volume of it: acs volume create NAME --from-snapshot ${printable(name)}`],
    details: { uuid: volume.group.uuid },
  })
}

/** What is in the trash stays as it was, until it is taken out or its time is over. Throws EACSTRASHED. */
export function refuseTrashed(volume: Volume): void {
  const mark = volume.trailer?.del
  if (!mark || !isTrashed(volume)) return
  throw new AcsError(
    'conflict',
    'EACSTRASHED',
    `volume "${printable(mark.n)}" is in the trash since ${printable(mark.at)}, as ${nameOf(volume)}`,
    {
      hints: [`Take it out: acs volume undelete ${printable(volume.group.name)}`],
      details: { uuid: volume.group.uuid, name: mark.n, until: mark.until },
    },
  )
}
