import { deadlineIn } from '../../../src/lib/base/deadline.js'
import type { Prism, Vm } from '../../../src/lib/prism/prism.js'
import type { VmContext } from '../../../src/lib/vm/context.js'

export const vmUuid = 'e917f8e2-8491-40fc-81e1-af5c3365634d'

export function machine(fields: Partial<Vm> = {}): Vm {
  return {
    uuid: vmUuid,
    name: 'web',
    description: '',
    logicalTimestamp: 1,
    powerState: 'on',
    memoryBytes: 2 ** 30,
    vcpus: 1,
    coresPerVcpu: 1,
    uefi: false,
    disks: [],
    nics: [{ macAddress: '50:6b:8d:00:00:01', networkUuid: 'n1', connected: true, addresses: [] }],
    addresses: [],
    ...fields,
  }
}

/** A cluster that does what the test says, and nothing else. */
export function contextOf(prism: Partial<Prism>, timeoutMs = 10_000): VmContext {
  return { prism: prism as Prism, deadline: deadlineIn(timeoutMs) }
}

/** Answers one after the other, and then the last for ever; an error is thrown. */
export function inTurn<T>(...answers: (T | Error)[]): () => Promise<T> {
  return () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as T)
  }
}
