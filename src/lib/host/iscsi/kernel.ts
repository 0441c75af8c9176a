import { AcsError } from '../../base/errors.js'
import type { HostLog } from '../exec.js'
import type { Initiator, Runner } from '../host.js'
import type { Locks } from '../lock.js'
import type { Checkpoint, HostRoots } from '../roots.js'

export interface KernelInitiatorOptions {
  runner: Runner
  locks: Locks
  roots: HostRoots
  runtimeFolder: string
  log?: HostLog
  checkpoint?: Checkpoint
}

/** Not there yet: says so as something that is missing, so that `auto` takes the userspace initiator. */
export function createKernelInitiator(options: KernelInitiatorOptions): Initiator {
  const absent = new AcsError(
    'precondition',
    'EACSNOKERNELISCSI',
    `the kernel initiator is not built yet, see ${options.roots.sysfs}`,
  )
  const refuse = (): Promise<never> => Promise.reject(absent)
  return {
    kind: 'kernel',
    missing: () => Promise.resolve([absent]),
    name: refuse,
    attach: refuse,
    detach: refuse,
    attached: () => Promise.resolve([]),
    refreshSize: refuse,
    sweep: () => Promise.resolve([]),
  }
}
