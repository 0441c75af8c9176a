import type { Deadline } from '../base/deadline.js'
import type { DoctorContext } from './context.js'
import type { Finding } from './finding.js'

/** Half-done attaches that nobody works on: what the initiators' sweep removes. */
export async function leftoverFindings({ initiators }: DoctorContext, deadline: Deadline): Promise<Finding[]> {
  const looked = await Promise.all(
    initiators.map(async (initiator) => ({ initiator, left: await initiator.leftovers(deadline) })),
  )
  return looked.flatMap(({ initiator, left }): Finding[] =>
    left.length === 0
      ? []
      : [
          {
            id: 'leftover',
            about: initiator.kind,
            severity: 'problem',
            title: `${left.length} attach${left.length === 1 ? '' : 'es'} with the ${initiator.kind} initiator ended half-way`,
            evidence: left,
            cure: ['acs doctor --fix'],
            fix: {
              words: `remove what is left of ${left.length} half-done attach${left.length === 1 ? '' : 'es'}`,
              run: (limit) => initiator.sweep(limit),
            },
          },
        ],
  )
}
