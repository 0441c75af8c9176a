import { randomUUID } from 'node:crypto'
import { faultKinds } from './fault-kinds.js'
import { matchesGlob } from './glob.js'
import type { Fault, NewFault } from './simulator.js'

/** Faults waiting to strike, oldest first. */
export class FaultBoard {
  private readonly faults = new Map<string, Fault>()
  private readonly listeners: ((fault: Fault) => void)[] = []

  /** @throws RangeError that says what is wrong with the fault. */
  add(request: NewFault): Fault {
    if (!faultKinds.includes(request.kind)) throw new RangeError(`a fault's kind is one of ${faultKinds.join(', ')}`)
    if (
      request.count !== undefined &&
      request.count !== null &&
      !(Number.isInteger(request.count) && request.count > 0)
    )
      throw new RangeError('a fault\'s count is a whole number above 0, or null for "until cleared"')
    if (request.kind === 'delay' && !(request.value !== undefined && request.value >= 0))
      throw new RangeError('a delay needs a value in ms')
    if (request.when !== undefined && request.kind !== 'drop')
      throw new RangeError('only a drop can be told when to strike')
    if (request.kind === 'status' && !(request.value !== undefined && request.value >= 400 && request.value <= 599))
      throw new RangeError('a status fault needs a value from 400 to 599')
    const fault: Fault = { ...request, id: randomUUID(), count: request.count === undefined ? 1 : request.count }
    this.faults.set(fault.id, fault)
    for (const listener of this.listeners) listener(fault)
    return { ...fault }
  }

  list(): Fault[] {
    return [...this.faults.values()].map((fault) => ({ ...fault }))
  }

  clear(id?: string): number {
    const before = this.faults.size
    if (id === undefined) this.faults.clear()
    else this.faults.delete(id)
    return before - this.faults.size
  }

  /** For kinds that strike by themselves, as `iscsi-drop` does. */
  onAdd(listener: (fault: Fault) => void): void {
    this.listeners.push(listener)
  }

  get size(): number {
    return this.faults.size
  }

  /** The oldest fault of this kind that matches one of the subject's names; it has struck once more. */
  take(kind: Fault['kind'], ...names: readonly string[]): Fault | undefined {
    for (const fault of this.faults.values()) {
      if (fault.kind !== kind) continue
      const { match } = fault
      if (match !== undefined && !names.some((name) => matchesGlob(match, name))) continue
      if (fault.count !== null && --fault.count === 0) this.faults.delete(fault.id)
      return { ...fault }
    }
    return undefined
  }
}
