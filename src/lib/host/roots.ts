import { isRoot, userFolder } from '../base/user-folder.js'

/** Where the kernel's and the system's folders are; tests put a tree of their own in their place. */
export interface HostRoots {
  sysfs: string
  proc: string
  etc: string
  dev: string
}

export const machineRoots: HostRoots = { sysfs: '/sys', proc: '/proc', etc: '/etc', dev: '/dev' }

/** `/run/acs`, or ACS_RUN_DIR: what a reboot may forget. */
export function defaultRuntimeFolder(): string {
  return process.env.ACS_RUN_DIR || '/run/acs'
}

/**
 * What must outlive a reboot: this machine's journal, secrets and initiator name. ACS_STATE_DIR; else `/var/lib/acs` for
 * root, and the user's own state folder for others, who attach no disk but make volumes, whose CHAP secrets they keep.
 */
export function defaultStateFolder(): string {
  return process.env.ACS_STATE_DIR || (isRoot() ? '/var/lib/acs' : userFolder('state'))
}

/**
 * ACS_DAEMON_CGROUP_OF: the process whose control groups the userspace initiator's daemons join. Set by the managed
 * plugin, whose own end with it.
 */
export function daemonsJoin(): number | undefined {
  const pid = Number(process.env.ACS_DAEMON_CGROUP_OF)
  return Number.isInteger(pid) && pid > 0 ? pid : undefined
}

/** A named moment between two steps, where a crash test may stop or kill acs. */
export type Checkpoint = (name: string) => void | Promise<void>

export const noCheckpoint: Checkpoint = () => undefined
