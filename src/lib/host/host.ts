/**
 * This Linux machine as the rest of acs sees it. Everything that spawns goes through `Runner`
 * (host/exec.ts); everything that is asked is answered from the machine itself (`/proc/self/mountinfo`,
 * sysfs, `iscsiadm`, a daemon's pid), never from memory. Sizes are bytes, durations ms.
 */
import type { Deadline } from '../base/deadline.js'

export interface RunResult {
  exitCode: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  deadline: Deadline
  /** Ends the whole process group (TERM, then KILL after 2 s) when this passes; default 30 s. */
  timeoutMs?: number
  /** Written to stdin: the way for secrets. */
  input?: string
  env?: Readonly<Record<string, string>>
  /** Exit codes that are answers, not failures. Default [0]. */
  okExitCodes?: readonly number[]
}

/**
 * Runs one command without a shell. Throws EACSTOOLMISSING (precondition, hint: the Debian package),
 * EACSTIMEOUT, EACSINTERRUPTED, or EACSCOMMAND (failed, with exit code and the end of stderr).
 * argv must hold no secret: it is logged and visible in /proc.
 */
export interface Runner {
  run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult>
}

/** Where an iSCSI disk is and what it must be, from Prism; the disk is refused when it is something else. */
export interface DiskAddress {
  /** `host:port` of the data services portal; IPv6 in brackets. */
  portal: string
  /** Full IQN of the target, prefix included. */
  targetName: string
  /** LUN = disk index. */
  lun: number
  /** vDisk UUID: must match VPD page 0x80 (dashes and case ignored). */
  serial: string
  /** Size by Prism. */
  sizeBytes: number
  /** One-way CHAP. Goes to files of mode 0600 or stdin, never argv. */
  chap?: { username: string; secret: string; mutual?: { username: string; secret: string } }
}

/** An iSCSI disk found on this machine. */
export interface AttachedDisk {
  /** `/dev/sdb`, `/dev/dm-3` or `/dev/loop7`: valid now, never stored. */
  devicePath: string
  /** `major:minor` as in /proc/self/mountinfo. */
  deviceNumber: string
  /** `host:port` it was attached through. */
  portal: string
  targetName: string
  lun: number
  sizeBytes: number
  initiator: InitiatorKind
}

export type InitiatorKind = 'kernel' | 'userspace'

export interface Initiator {
  readonly kind: InitiatorKind
  /** Why this initiator cannot work here (tool, root, kernel feature), as EACS... precondition errors; empty when it can. */
  missing(deadline: Deadline): Promise<readonly Error[]>
  /** This machine's initiator IQN (kernel: /etc/iscsi/initiatorname.iscsi; userspace: state folder, made once). */
  name(): Promise<string>
  /**
   * Idempotent: returns the attached disk when it is already there and healthy. Verifies serial and size
   * before returning; a wrong disk throws EACSWRONGDISK and is detached again. Nothing stays behind on failure.
   */
  attach(disk: DiskAddress, deadline: Deadline): Promise<AttachedDisk>
  /** Idempotent: flush, remove the device, log out only when nothing else uses the session. Throws EACSBUSY with the holders. */
  detach(disk: Pick<DiskAddress, 'portal' | 'targetName' | 'lun'>, deadline: Deadline): Promise<void>
  /** All disks acs attached with this initiator, found from the machine, also after a crash. */
  attached(deadline: Deadline): Promise<AttachedDisk[]>
  /** Makes the kernel see a grown disk; returns its size now. */
  refreshSize(disk: AttachedDisk, deadline: Deadline): Promise<number>
  /**
   * Makes I/O to an attached disk fail at once, also what is in flight, and for good: for a disk whose session
   * was revoked or lost. A mounted filesystem sees errors and can then be unmounted, and the disk detached.
   * Call it before this machine is allowed again, else writes that waited in a dead session reach the disk then.
   */
  failIo?(disk: Pick<DiskAddress, 'portal' | 'targetName' | 'lun'>, deadline: Deadline): Promise<void>
  /** Target names of disks that are here but whose way to the target has ended for good: all their I/O fails. */
  broken?(deadline: Deadline): Promise<string[]>
  /** Removes leftovers of half-done attaches (dead daemons, stale mounts, empty folders). Returns what it removed, in words. */
  sweep(deadline: Deadline): Promise<string[]>
  /** What `sweep` would remove as half done, in words; removes nothing and asks no target. */
  leftovers(deadline: Deadline): Promise<string[]>
  /** The sessions behind the disks acs attached, as this machine sees them; no I/O, so a dead one cannot hang it. */
  sessions(deadline: Deadline): Promise<DiskSession[]>
}

/** The way from this machine to one attached disk. */
export interface DiskSession {
  /** `host:port` it was attached through. */
  portal: string
  targetName: string
  lun: number
  /** `down`: something tries to bring it back. `gone`: nothing does, as after the death of a storage daemon. */
  state: 'up' | 'down' | 'gone'
}

export type FilesystemType = 'ext4' | 'xfs' | 'btrfs'

/** What is on a device: never 'blank' when a tool failed, timed out or was missing. */
export type DeviceContent =
  | { state: 'blank'; evidence: string[] }
  | { state: 'filesystem'; type: string; uuid?: string; label?: string; evidence: string[] }
  | { state: 'data'; what: string; evidence: string[] }

export interface MountEntry {
  mountPoint: string
  deviceNumber: string
  source: string
  filesystem: string
  /** Root of the mount within the filesystem; not `/` for a bind mount. */
  root: string
  options: string[]
}

/** A process that keeps a mount busy. */
export interface MountHolder {
  pid: number
  command: string
}

export interface HostIdentity {
  hostName: string
  /** /proc/sys/kernel/random/boot_id: another one means the holder rebooted. */
  bootId: string
}

export interface MakeFilesystemRequest {
  devicePath: string
  type: FilesystemType
  /** Given to mkfs so that a half-made filesystem is recognised as ours. */
  uuid: string
  label?: string
  /** Extra mkfs arguments, already split; -F/-f and the like are refused. */
  options?: readonly string[]
}

export interface MountRequest {
  devicePath: string
  mountPoint: string
  type: FilesystemType
  options?: readonly string[]
  readOnly?: boolean
}

/**
 * The whole host, injected into `volume`, so that its planner and executor can be tested against a
 * fake machine. The real one is `createHostMachine` in host/machine.ts.
 */
export interface HostMachine {
  identity(): Promise<HostIdentity>
  /** `auto` picks kernel where it works, else userspace; EACSNOINITIATOR lists what each one lacks. */
  initiator(kind: InitiatorKind | 'auto', deadline: Deadline): Promise<Initiator>
  /** blkid -p, wipefs -n, first 2 MiB and last 1 MiB all zero; see host/content.ts. Throws EACSPROBE when any tool fails. */
  deviceContent(devicePath: string, deadline: Deadline, request?: { fresh?: boolean }): Promise<DeviceContent>
  /** Runs mkfs on a device the caller proved blank; without force flags where the tool allows. */
  makeFilesystem(request: MakeFilesystemRequest, deadline: Deadline): Promise<void>
  /** Zeroes what an interrupted mkfs wrote (BLKDISCARD/BLKZEROOUT of the whole device, then reads it back). Only volume/format.ts calls it. */
  zeroDevice(devicePath: string, deadline: Deadline): Promise<void>
  /** ext: e2fsck -p (0, 1 go; 2 go with a warning; >= 4 EACSFSCK); xfs: nothing, mount replays the log. Returns warnings. */
  checkFilesystem(devicePath: string, type: FilesystemType, deadline: Deadline): Promise<string[]>
  /**
   * Grows a filesystem to its device: online where it is mounted; ext4 without a mount point offline.
   * Throws EACSNOCAPABILITY (precondition) when ext4 may not be grown online: that needs CAP_SYS_RESOURCE.
   */
  growFilesystem(
    request: { devicePath: string; mountPoint?: string; type: FilesystemType },
    deadline: Deadline,
  ): Promise<void>
  /**
   * Lets the kernel replay what a crash left in the filesystem's journal, by a read-only mount of a moment, and waits
   * until the disk has all of it. Afterwards it can be read without the journal. The device is this machine's alone.
   */
  replayJournal(request: Pick<MountRequest, 'devicePath' | 'mountPoint' | 'type'>, deadline: Deadline): Promise<void>
  mount(request: MountRequest, deadline: Deadline): Promise<void>
  /**
   * Never lazy, never forced. EBUSY is retried for 10 s, then EACSBUSY with the holders. `deviceNumber`: only mounts of that
   * device; EACSMOUNTPOINT when something else lies on top.
   */
  unmount(mountPoint: string, deadline: Deadline, deviceNumber?: string): Promise<void>
  /** Without mounts that only follow another one (mount_namespaces(7), slaves), and go with it. */
  mounts(): Promise<MountEntry[]>
  /** One process of each other mount namespace in which the device is mounted: a container's, most likely. */
  mountedElsewhere(deviceNumber: string): Promise<number[]>
  /** Returns once everything written to the filesystem mounted there is on its disk (syncfs). */
  sync(mountPoint: string, deadline: Deadline): Promise<void>
  freeze(mountPoint: string, deadline: Deadline): Promise<void>
  thaw(mountPoint: string, deadline: Deadline): Promise<void>
  /** Bytes of the filesystem mounted there, without hanging on a stale one. */
  usage(
    mountPoint: string,
    deadline: Deadline,
  ): Promise<{ sizeBytes: number; usedBytes: number; availableBytes: number }>
}
