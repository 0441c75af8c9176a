import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { mountedElsewhere } from './blockdev.js'
import { deviceContent, zeroDevice } from './content.js'
import type { HostLog } from './exec.js'
import { createRunner } from './exec.js'
import { checkFilesystem, freezeFilesystem, growFilesystem, makeFilesystem, thawFilesystem } from './filesystem.js'
import type { HostMachine, Initiator, Runner } from './host.js'
import { chooseInitiator } from './iscsi/choose.js'
import { createKernelInitiator } from './iscsi/kernel.js'
import { createUserspaceInitiator } from './iscsi/userspace.js'
import { createLocks, type Locks } from './lock.js'
import { filesystemUsage, mountDevice, readOwnMounts, replayJournal, syncFilesystem, unmountPath } from './mount.js'
import {
  daemonsJoin,
  defaultRuntimeFolder,
  defaultStateFolder,
  machineRoots,
  type Checkpoint,
  type HostRoots,
} from './roots.js'

export interface HostMachineOptions {
  runner?: Runner
  locks?: Locks
  /** Default: `defaultStateFolder()`. */
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
  const roots = { ...machineRoots, ...options.roots }
  const runner = options.runner ?? createRunner({ log: options.log })
  const initiators = createInitiators({ ...options, runner })
  const context = { runner, roots }

  return {
    async identity() {
      const bootId = await readFile(join(roots.proc, 'sys/kernel/random/boot_id'), 'utf8')
      return { hostName: hostname(), bootId: bootId.trim() }
    },
    initiator: (kind, deadline) => chooseInitiator(initiators, kind, deadline),
    deviceContent: (devicePath, deadline, request) => deviceContent(context, devicePath, deadline, request),
    makeFilesystem: (request, deadline) => makeFilesystem(context, request, deadline),
    zeroDevice: (devicePath, deadline) => zeroDevice(context, devicePath, deadline),
    checkFilesystem: (devicePath, type, deadline) => checkFilesystem(runner, devicePath, type, deadline),
    growFilesystem: (request, deadline) => growFilesystem(runner, request, deadline),
    replayJournal: (request, deadline) => replayJournal(context, request, deadline),
    mount: (request, deadline) => mountDevice(context, request, deadline),
    unmount: (mountPoint, deadline, deviceNumber) => unmountPath(context, mountPoint, deadline, deviceNumber),
    mounts: () => readOwnMounts(roots),
    mountedElsewhere: (deviceNumber) => mountedElsewhere(roots, deviceNumber),
    sync: (mountPoint, deadline) => syncFilesystem(runner, mountPoint, deadline),
    freeze: (mountPoint, deadline) => freezeFilesystem(runner, mountPoint, deadline),
    thaw: (mountPoint, deadline) => thawFilesystem(runner, mountPoint, deadline),
    usage: (mountPoint, deadline) => filesystemUsage(runner, mountPoint, deadline),
  }
}

/** Both initiators, in the order `auto` takes them, whether or not they can work here. */
export function createInitiators(options: HostMachineOptions = {}): readonly Initiator[] {
  const { log, checkpoint } = options
  const common = {
    runner: options.runner ?? createRunner({ log }),
    locks: options.locks ?? createLocks(),
    roots: { ...machineRoots, ...options.roots },
    runtimeFolder: options.runtimeFolder ?? defaultRuntimeFolder(),
    stateFolder: options.stateFolder ?? defaultStateFolder(),
    log,
    checkpoint,
  }
  return [createKernelInitiator(common), createUserspaceInitiator({ ...common, daemonsJoin: daemonsJoin() })]
}
