import { AcsError, isAcsError, messageOf } from '../../base/errors.js'
import type { Deadline } from '../../base/deadline.js'
import type { Initiator, InitiatorKind } from '../host.js'

/**
 * The initiator asked for, once it lacks nothing. `auto` takes the kernel's where it works, else the
 * userspace one. Throws EACSNOINITIATOR that lists what each one lacks.
 */
export async function chooseInitiator(
  initiators: readonly Initiator[],
  kind: InitiatorKind | 'auto',
  deadline: Deadline,
): Promise<Initiator> {
  const lacks: { initiator: Initiator; errors: readonly Error[] }[] = []
  for (const initiator of initiators.filter((each) => kind === 'auto' || each.kind === kind)) {
    const errors = await initiator.missing(deadline)
    if (errors.length === 0) return initiator
    lacks.push({ initiator, errors })
  }
  const reasons = lacks.map(({ initiator, errors }) => `${initiator.kind}: ${errors.map(messageOf).join('; ')}`)
  throw new AcsError('precondition', 'EACSNOINITIATOR', `this machine cannot attach disks (${reasons.join(' | ')})`, {
    hints: [
      ...new Set(lacks.flatMap(({ errors }) => errors.flatMap((error) => (isAcsError(error) ? error.hints : [])))),
    ],
    details: {
      lacks: Object.fromEntries(lacks.map(({ initiator, errors }) => [initiator.kind, errors.map(messageOf)])),
    },
  })
}
