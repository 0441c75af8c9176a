import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { AcsError, isAcsError } from '../../base/errors.js'
import type { Deadline } from '../../base/deadline.js'
import type { Runner } from '../host.js'
import type { HostRoots } from '../roots.js'
import { rootLacks } from './not-root.js'
import { daemonLacks } from './storage-daemon.js'

/** What this machine lacks for the userspace initiator: root, device nodes, tools, QEMU's modules. */
export async function userspaceLacks(runner: Runner, roots: HostRoots, deadline: Deadline): Promise<Error[]> {
  const errors = rootLacks()
  for (const device of ['fuse', 'loop-control'])
    if (!(await isThere(join(roots.dev, device))))
      errors.push(
        new AcsError('precondition', 'EACSNODEVICE', `this machine has no /dev/${device}`, {
          hints: [`modprobe ${device === 'fuse' ? 'fuse' : 'loop'}`],
        }),
      )
  const probes = [
    () => daemonLacks(runner, deadline),
    ...['iscsi-inq', 'iscsi-readcapacity16', 'losetup', 'blockdev', 'flock'].map((tool) => async () => {
      await runner.run(tool, ['--help'], { deadline, okExitCodes: [0, 1, 2, 10, 255] })
      return undefined
    }),
  ]
  for (const probe of probes) {
    try {
      const lack = await probe()
      if (lack) errors.push(lack)
    } catch (error) {
      if (!isAcsError(error, 'EACSTOOLMISSING')) throw error
      errors.push(error)
    }
  }
  return errors
}

async function isThere(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}
