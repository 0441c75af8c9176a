import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { deviceContent, zeroDevice } from './content.js'
import type { HostLog } from './exec.js'
import { createRunner } from './exec.js'
import { checkFilesystem, freezeFilesystem, growFilesystem, makeFilesystem, thawFilesystem } from './filesystem.js'
import type { HostMachine, Runner } from './host.js'
import { chooseInitiator } from './iscsi/choose.js'
import { createKernelInitiator } from './iscsi/kernel.js'
import { createUserspaceInitiator } from './iscsi/userspace.js'
import { createLocks, type Locks } from './lock.js'
import { filesystemUsage, mountDevice, readMounts, replayJournal, unmountPath } from './mount.js'
import { defaultRuntimeFolder, defaultStateFolder, machineRoots, type Checkpoint, type HostRoots } from './roots.js'

export interface HostMachineOptions {
  runner?: Runner
  locks?: Locks
  /** Default ACS_STATE_DIR, else /var/lib/acs. */
  stateFolder?: string
  /** Default ACS_RUN_DIR, else /run/acs. */
  runtimeFolder?: string
  roots?: Partial<HostRoots>
  log?: HostLog
  /** Called between the steps of attach and detach, by name: where crash tests stop acs. */
  checkpoint?: Checkpoint
}

/** The machine acs runs on. */
export function createHostMachine(options: HostMachineOptions = {}): HostMachine {
  const { log, checkpoint } = options
  const roots = { ...machineRoots, ...options.roots }
  const runner = options.runner ?? createRunner({ log })
  const runtimeFolder = options.runtimeFolder ?? defaultRuntimeFolder()
  const stateFolder = options.stateFolder ?? defaultStateFolder()
  const common = { runner, locks: options.locks ?? createLocks(), roots, runtimeFolder, stateFolder, log, checkpoint }
  const initiators = [createKernelInitiator(common), createUserspaceInitiator(common)]
  const context = { runner, roots }

  return {
    async identity() {
      const bootId = await readFile(join(roots.proc, 'sys/kernel/random/boot_id'), 'utf8')
      return { hostName: hostname(), bootId: bootId.trim() }
    },
    initiator: (kind, deadline) => chooseInitiator(initiators, kind, deadline),
    deviceContent: (devicePath, deadline) => deviceContent(context, devicePath, deadline),
    makeFilesystem: (request, deadline) => makeFilesystem(context, request, deadline),
    zeroDevice: (devicePath, deadline) => zeroDevice(context, devicePath, deadline),
    checkFilesystem: (devicePath, type, deadline) => checkFilesystem(runner, devicePath, type, deadline),
    growFilesystem: (request, deadline) => growFilesystem(runner, request, deadline),
    replayJournal: (request, deadline) => replayJournal(context, request, deadline),
    mount: (request, deadline) => mountDevice(context, request, deadline),
    unmount: (mountPoint, deadline) => unmountPath(context, mountPoint, deadline),
    mounts: () => readMounts(roots),
    freeze: (mountPoint, deadline) => freezeFilesystem(runner, mountPoint, deadline),
    thaw: (mountPoint, deadline) => thawFilesystem(runner, mountPoint, deadline),
    usage: (mountPoint, deadline) => filesystemUsage(runner, mountPoint, deadline),
  }
}
