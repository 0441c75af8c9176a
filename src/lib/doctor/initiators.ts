import { isAcsError, messageOf } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import type { DoctorContext } from './context.js'
import { ok, type Finding } from './finding.js'

/** Which initiator `auto` picks here, and what each of them lacks. */
export async function initiatorFindings({ initiators }: DoctorContext, deadline: Deadline): Promise<Finding[]> {
  const looked = await Promise.all(
    initiators.map(async (each) => ({ kind: each.kind, lacks: await each.missing(deadline) })),
  )
  const picked = looked.find(({ lacks }) => lacks.length === 0)
  const each = looked.map(({ kind, lacks }): Finding => {
    const id = `initiator-${kind}` as const
    if (lacks.length === 0) return ok(id, `the ${kind} initiator works here`)
    return {
      id,
      severity: 'info',
      title: `the ${kind} initiator cannot work here`,
      evidence: lacks.map(messageOf),
      cure: [...new Set(lacks.flatMap((error) => (isAcsError(error) ? error.hints : [])))],
    }
  })
  if (picked) return [ok('initiator', `disks are attached with the ${picked.kind} initiator`), ...each]
  return [
    {
      id: 'initiator',
      severity: 'problem',
      title: 'no initiator works here, so no disk can be attached',
      evidence: each.flatMap(({ id, evidence }) => evidence.map((line) => `${id.slice('initiator-'.length)}: ${line}`)),
      cure: [
        'apt-get install open-iscsi   for a kernel with iscsi_tcp',
        'apt-get install qemu-system-common qemu-block-extra libiscsi-bin fuse3   in user space',
      ],
    },
    ...each,
  ]
}
