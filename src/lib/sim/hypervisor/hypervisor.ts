import type { DriveReference, PowerTransition, VmRecord } from '../store/machine-records.js'

/** What the guest, not the cluster, brings to an end: the record follows when it happens. */
export type Outcome = 'done' | 'guest decides'

/**
 * What runs the machines of the cluster. The records say what should be; each call makes it so and returns when it is.
 * Calls about one machine come one after the other. What cannot be is thrown as a WireError, whose text the task ends with.
 */
export interface Hypervisor {
  /** Whether disks of machines may be overlays of images. */
  readonly overlays: boolean
  /** Does the transition to the machine as it is now; the record is changed after it. */
  power(vm: VmRecord, transition: PowerTransition): Promise<Outcome>
  /** Gives a running machine the drives and interfaces its record has meanwhile. */
  follow(vmUuid: string): Promise<void>
  /** Takes drives out of a running machine, before the record does. */
  unplug(vm: VmRecord, drives: readonly DriveReference[]): Promise<void>
  /** Grows a disk in a running machine; false where it does not run, and the file can be grown as it lies. */
  grow(vm: VmRecord, diskUuid: string, sizeBytes: number): Promise<boolean>
  /** Keeps the machines still while their disks are copied. */
  still<T>(vmUuids: readonly string[], work: () => Promise<T>): Promise<T>
  /** A machine that is no more: ends it, and removes what it had besides its disks. */
  forget(vm: VmRecord): Promise<void>
  /** What it wrote to its serial console since it was made; undefined where nothing boots. */
  consoleLog(vmUuid: string): Promise<string | undefined>
  /** Takes up, or boots again, what the records say is on. */
  resume(): Promise<void>
  /** Ends all, as when the power goes. More than once is fine. */
  close(): Promise<void>
}

/** Machines are records, and do what the records say at once. */
export const recordsOnly: Hypervisor = {
  overlays: false,
  power: () => Promise.resolve('done'),
  follow: () => Promise.resolve(),
  unplug: () => Promise.resolve(),
  grow: () => Promise.resolve(false),
  still: (_vmUuids, work) => work(),
  forget: () => Promise.resolve(),
  consoleLog: () => Promise.resolve(undefined),
  resume: () => Promise.resolve(),
  close: () => Promise.resolve(),
}
