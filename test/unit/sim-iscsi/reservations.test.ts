import { describe, expect, it } from 'vitest'
import {
  clear,
  conflicts,
  formatReservations,
  noKey,
  noReservations,
  parseReservations,
  preempt,
  register,
  release,
  reserve,
} from '../../../src/lib/sim/iscsi/scsi/reservations.js'
import type {
  ReservationOutcome,
  ReservationRequest,
  Reservations,
} from '../../../src/lib/sim/iscsi/scsi/reservations.js'
import { attention } from '../../../src/lib/sim/iscsi/scsi/sense.js'

const keyOf = (name: string): string => Buffer.from(name.padEnd(8)).toString('hex')

function request(name: string, change: Partial<ReservationRequest> = {}): ReservationRequest {
  const actor = { nexus: name, initiatorName: `iqn.x:${name}`, isid: '000000000000', targetName: 'iqn.x:t' }
  return { actor, reservationKey: keyOf(name), serviceActionKey: noKey, type: 1, persist: false, ...change }
}

function must(outcome: ReservationOutcome): Reservations {
  if (outcome.result !== 'good') throw new Error(`outcome ${outcome.result}`)
  return outcome.next
}

function registered(...names: string[]): Reservations {
  return names.reduce(
    (state, name) =>
      must(register(state, request(name, { reservationKey: noKey, serviceActionKey: keyOf(name) }), false)),
    noReservations,
  )
}

function held(type: number, ...names: string[]): Reservations {
  return must(reserve(registered(...names), request(names[0]!, { type })))
}

describe('persistent reservations', () => {
  it('register: the key must match, unless it is to be ignored', () => {
    const state = registered('a')
    const wrong = request('a', { reservationKey: keyOf('x'), serviceActionKey: keyOf('n') })
    expect(register(state, wrong, false).result).toBe('conflict')
    expect(must(register(state, wrong, true)).registrations.map(({ key }) => key)).toEqual([keyOf('n')])
    expect(state.generation).toBe(1)
  })

  // Who may do what, as the table of conflicts says: type, then read and write of a registered and of a strange nexus.
  it.each([
    [1, 'conflict free', 'write conflicts', 'conflict free', 'write conflicts'],
    [3, 'all conflict', 'write conflicts', 'all conflict', 'write conflicts'],
    [5, 'conflict free', 'conflict free', 'conflict free', 'write conflicts'],
    [6, 'conflict free', 'conflict free', 'all conflict', 'write conflicts'],
    [7, 'conflict free', 'conflict free', 'conflict free', 'write conflicts'],
    [8, 'conflict free', 'conflict free', 'all conflict', 'write conflicts'],
  ])('type %i', (type, registrantReads, registrantWrites, strangerReads, strangerWrites) => {
    const state = held(type, 'a', 'b')
    expect(conflicts(state, 'b', 'read')).toBe(registrantReads !== 'conflict free')
    expect(conflicts(state, 'b', 'write')).toBe(registrantWrites !== 'conflict free')
    expect(conflicts(state, 'c', 'read')).toBe(strangerReads !== 'conflict free')
    expect(conflicts(state, 'c', 'write')).toBe(strangerWrites !== 'conflict free')
    expect(conflicts(state, 'a', 'write')).toBe(false)
    expect(conflicts(state, 'c', 'always')).toBe(false)
  })

  it('reserve: once, by a registrant, and again only the same', () => {
    const state = held(1, 'a', 'b')
    expect(reserve(state, request('b')).result).toBe('conflict')
    expect(reserve(state, request('c')).result).toBe('conflict')
    expect(reserve(state, request('a', { type: 3 })).result).toBe('conflict')
    expect(reserve(state, request('a')).result).toBe('good')
    expect(reserve(registered('a'), request('a', { type: 2 })).result).toBe('invalid-parameter')
  })

  it('release: only by the holder, only the same type; registrants hear of shared ones', () => {
    expect(release(held(1, 'a'), request('a', { type: 3 })).result).toBe('invalid-release')
    const byOther = release(held(1, 'a', 'b'), request('b'))
    expect(must(byOther).reservation).toBeDefined()
    const shared = release(held(5, 'a', 'b'), request('a', { type: 5 }))
    expect(must(shared).reservation).toBeUndefined()
    expect(shared).toMatchObject({ attentions: [{ nexus: 'b', code: attention.reservationsReleased }] })
    expect(release(held(1, 'a', 'b'), request('a'))).toMatchObject({ attentions: [] })
  })

  it('unregistering the holder ends the reservation, of all registrants only with the last', () => {
    const gone = register(held(1, 'a', 'b'), request('a'), false)
    expect(must(gone).reservation).toBeUndefined()
    const stays = must(register(held(7, 'a', 'b'), request('a'), false))
    expect(stays.reservation).toBeDefined()
    expect(must(register(stays, request('b'), false)).reservation).toBeUndefined()
  })

  it('clear: removes everything and tells the others', () => {
    const outcome = clear(held(1, 'a', 'b'), request('b'))
    expect(must(outcome)).toMatchObject({ registrations: [], reservation: undefined })
    expect(outcome).toMatchObject({ attentions: [{ nexus: 'a', code: attention.reservationsPreempted }] })
  })

  it('preempt: takes the reservation over and ends the old holder', () => {
    const outcome = preempt(held(1, 'a', 'b'), request('b', { serviceActionKey: keyOf('a'), type: 3 }), true)
    expect(must(outcome)).toMatchObject({ reservation: { nexus: 'b', type: 3, key: keyOf('b') } })
    expect(must(outcome).registrations.map(({ nexus }) => nexus)).toEqual(['b'])
    expect(outcome).toMatchObject({
      abort: ['a'],
      attentions: [{ nexus: 'a', code: attention.registrationsPreempted }],
    })
  })

  it('preempt: of a key that does not hold only unregisters', () => {
    const state = must(preempt(held(1, 'a', 'b', 'c'), request('c', { serviceActionKey: keyOf('b') }), false))
    expect(state.registrations.map(({ nexus }) => nexus)).toEqual(['a', 'c'])
    expect(state.reservation?.nexus).toBe('a')
  })

  it('preempt: conflicts for a stranger or an unknown key; zero names all registrants only where all hold', () => {
    expect(preempt(held(1, 'a'), request('x', { serviceActionKey: keyOf('a') }), false).result).toBe('conflict')
    expect(preempt(held(1, 'a'), request('a', { serviceActionKey: keyOf('q') }), false).result).toBe('conflict')
    expect(preempt(held(1, 'a'), request('a'), false).result).toBe('invalid-parameter')
    const all = must(preempt(held(7, 'a', 'b'), request('b', { type: 1 }), false))
    expect(all).toMatchObject({ registrations: [{ nexus: 'b' }], reservation: { nexus: 'b', type: 1 } })
  })

  it('last over a restart only with APTPL', () => {
    const state = held(5, 'a', 'b')
    expect(formatReservations(state)).toBeUndefined()
    const kept = formatReservations({ ...state, persist: true })
    expect(parseReservations(kept!)).toEqual({ ...state, persist: true, generation: 0 })
    expect(() => parseReservations('{"version":2}')).toThrow(/not reservations/)
  })
})
