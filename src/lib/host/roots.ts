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
  return process.env.ACS_RUN_DIR ?? '/run/acs'
}

/** `/var/lib/acs`, or ACS_STATE_DIR: what must outlive a reboot. */
export function defaultStateFolder(): string {
  return process.env.ACS_STATE_DIR ?? '/var/lib/acs'
}

/** A named moment between two steps, where a crash test may stop or kill acs. */
export type Checkpoint = (name: string) => void | Promise<void>

export const noCheckpoint: Checkpoint = () => undefined
