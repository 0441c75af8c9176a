/**
 * What the iSCSI target asks of whoever owns the disks. The store implements it; tests of the target
 * bring a small one of their own. The target knows nothing of Prism, REST or files.
 */
export interface TargetBackend {
  /** Targets this initiator may see; empty for a stranger (recorded: SendTargets=All answers none). */
  visibleTargets(initiator: InitiatorIdentity): VisibleTarget[]
  /** `undefined`: no such target, or not for this initiator; the login is then refused alike. */
  openTarget(targetName: string, initiator: InitiatorIdentity): OpenTarget | undefined
  /** CHAP for the discovery session; `undefined` for none. */
  discoveryChap?(initiator: InitiatorIdentity): ChapCredentials | undefined
}

export interface InitiatorIdentity {
  name: string
  /** Remote IP address. */
  address: string
}

export interface VisibleTarget {
  /** Full IQN. */
  targetName: string
}

export interface OpenTarget {
  targetName: string
  chap?: ChapCredentials
  /** Asked again for every command, so that resize, add and remove show at once. LUN -> disk. */
  lun(lun: number): TargetDisk | undefined
  luns(): number[]
}

export interface ChapCredentials {
  /** What the initiator must prove; any username is accepted when `username` is absent (Prism keeps only a secret). */
  username?: string
  secret: string
  /** What the target proves in return when the initiator asks (mutual). */
  mutual?: { username: string; secret: string }
}

/** One disk: bytes, flushing, identity. 512-byte logical blocks. Methods may reject with `DiskFault`. */
export interface TargetDisk {
  /** vDisk UUID; gives VPD 0x80 serial and the NAA. */
  readonly uuid: string
  readonly sizeBytes: number
  read(offset: number, length: number): Promise<Buffer>
  write(offset: number, data: Buffer): Promise<void>
  /**
   * `read` without a copy and, when it returns `undefined`, without a promise: the bytes are then in `into`
   * already. Optional; worth having for files, whose pages are mostly cached. Throws or rejects with `DiskFault`.
   */
  readInto?(offset: number, into: Buffer): Promise<void> | undefined
  /** `write` that may be done when it returns (`undefined`). `data` belongs to the caller again once it is done. */
  writeFrom?(offset: number, data: Buffer): Promise<void> | undefined
  /** Returns once the data is on stable storage (fdatasync). */
  flush(): Promise<void>
  /** Range reads as zeros afterwards and its space is given back. */
  zero(offset: number, length: number): Promise<void>
  /** Which parts hold data, for GET LBA STATUS. Optional. */
  isAllocated?(offset: number, length: number): Promise<boolean>
  /** Persistent reservations when APTPL was asked; opaque text of the target. */
  loadReservations(): Promise<string | undefined>
  saveReservations(state: string | undefined): Promise<void>
}

/** A fault to hand to the initiator as SCSI sense data. */
export class DiskFault extends Error {
  constructor(
    readonly fault: 'medium-error' | 'no-space' | 'hardware-error',
    message: string,
  ) {
    super(message)
  }
}
