import { AcsError } from '../../base/errors.js'
import { isRoot } from '../../base/user-folder.js'

/** What every initiator lacks where acs does not run as root; empty where it does. */
export function rootLacks(): Error[] {
  if (isRoot()) return []
  return [
    new AcsError('precondition', 'EACSNOTROOT', 'attaching a disk to this machine needs root', {
      hints: ['Run it with sudo'],
    }),
  ]
}
