import type { TargetDisk } from '../target-backend.js'
import { RangeLock } from './range-lock.js'
import { noReservations, parseReservations } from './reservations.js'
import type { Reservations } from './reservations.js'
import { attention } from './sense.js'

/** One initiator port at one target: whom reservations and unit attentions belong to. */
export interface Nexus {
  /** `initiator,i,0xISID|target`; the same after a new login with the same ISID. */
  readonly id: string
  readonly initiatorName: string
  readonly isid: Buffer
  readonly targetName: string
  /** Ends this nexus's other commands at a unit (PREEMPT AND ABORT, CLEAR). Resolves when none runs any more. */
  abortTasks(unit: LogicalUnit): Promise<void>
}

/** What a disk is to all its initiators together. */
export class LogicalUnit {
  reservations: Reservations = noReservations
  /** Holder of a RESERVE(6/10), by nexus. */
  reservedBy: Nexus | undefined
  /** Caching mode page, WCE. */
  writeCache = true
  readonly ranges = new RangeLock()
  private readonly attentions = new Map<Nexus, number[]>()
  private loading: Promise<void> | undefined
  private loaded = false

  constructor(readonly uuid: string) {}

  /** Reads kept reservations once; `undefined` when that is done already. */
  load(disk: TargetDisk): Promise<void> | undefined {
    if (this.loaded) return undefined
    this.loading ??= (async () => {
      const kept = await disk.loadReservations()
      if (kept !== undefined) this.reservations = parseReservations(kept)
      this.loaded = true
    })().finally(() => (this.loading = undefined))
    return this.loading
  }

  get nexuses(): Iterable<Nexus> {
    return this.attentions.keys()
  }

  /** A nexus that has not spoken to the unit before starts with POWER ON, RESET, OR BUS DEVICE RESET OCCURRED. */
  join(nexus: Nexus): void {
    if (!this.attentions.has(nexus)) this.attentions.set(nexus, [attention.powerOn])
  }

  /** Ends what a lost nexus held (SAM-5 6.3.4); persistent reservations stay. */
  leave(nexus: Nexus): void {
    this.attentions.delete(nexus)
    if (this.reservedBy === nexus) this.reservedBy = undefined
  }

  /** Establishes a unit attention for every nexus but `except`, each code once. */
  attend(code: number, except?: Nexus): void {
    for (const nexus of this.attentions.keys()) if (nexus !== except) this.attendOne(nexus, code)
  }

  attendOne(nexus: Nexus, code: number): void {
    const queue = this.attentions.get(nexus)
    if (queue && !queue.includes(code)) queue.push(code)
  }

  /** The oldest unit attention, which is thereby reported and cleared. */
  takeAttention(nexus: Nexus): number | undefined {
    const queue = this.attentions.get(nexus)
    return queue === undefined || queue.length === 0 ? undefined : queue.shift()
  }

  /** Nothing would be lost by forgetting it. */
  get idle(): boolean {
    return this.attentions.size === 0 && this.reservations.registrations.length === 0 && this.writeCache
  }
}
