import { describe, expect, it } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { usableAddress, waitForAddress } from '../../../src/lib/vm/wait.js'
import { contextOf, inTurn, machine } from './fake-machines.js'

const away = new AcsError('timeout', 'EACSUNREACHABLE', 'Prism cannot be reached')

describe('waiting for an address', () => {
  it('is no waiting where there is one', async () => {
    const vm = machine({ addresses: ['169.254.3.4', 'fe80::1', '10.0.0.7'] })
    expect(await waitForAddress(contextOf({}), vm)).toEqual({ vm, address: '10.0.0.7' })
  })

  it('ends when the machine has one, through a Prism that is away for a moment', async () => {
    const ready = machine({ addresses: ['10.0.0.7'] })
    const said: string[] = []
    const context = contextOf({ vm: inTurn(machine(), away, machine({ powerState: 'changing' }), ready) })
    const options = {
      everyMs: 1,
      onWait: ({ detail }: { detail: string }) => said.push(detail.replace(/\d+ms/, 'Nms')),
    }
    expect(await waitForAddress(context, machine(), options)).toEqual({ vm: ready, address: '10.0.0.7' })
    expect(said).toEqual([
      'web is on and has no address yet (Nms)',
      'Prism does not answer (Nms)',
      'web is between two power states and has no address yet (Nms)',
    ])
  })

  it('ends in an error that tells the state', async () => {
    const context = contextOf({ vm: inTurn(machine({ powerState: 'off' })) })
    await expect(waitForAddress(context, machine(), { timeoutMs: 20, everyMs: 5 })).rejects.toMatchObject({
      kind: 'timeout',
      code: 'EACSNOADDRESS',
      message: expect.stringMatching(/^VM "web" has no address after \d+ms: it is off, with 1 interface$/) as string,
      details: { powerState: 'off' },
      hints: ['Start it: acs vm start web'],
    })
  })

  it('tells of a Prism that stays away', async () => {
    const context = contextOf({ vm: inTurn<never>(away) })
    await expect(waitForAddress(context, machine(), { timeoutMs: 20, everyMs: 5 })).rejects.toMatchObject({
      code: 'EACSNOADDRESS',
      message: expect.stringContaining('Prism cannot be reached') as string,
    })
  })

  it('is not begun for a machine without an interface', async () => {
    await expect(waitForAddress(contextOf({}), machine({ nics: [] }))).rejects.toMatchObject({
      kind: 'failed',
      code: 'EACSNOADDRESS',
    })
  })

  it('ends with an error that time does not heal', async () => {
    const gone = new AcsError('not-found', 'EACSNOTFOUND', 'there is no VM')
    await expect(waitForAddress(contextOf({ vm: inTurn<never>(gone) }), machine())).rejects.toBe(gone)
  })
})

it.each([
  [['169.254.0.9'], undefined],
  [['FE80::1', 'febf::1'], undefined],
  [['fec0::1'], 'fec0::1'],
  [['fd00::5'], 'fd00::5'],
  [[], undefined],
])('of %j, %s is usable', (addresses, usable) => {
  expect(usableAddress({ addresses })).toBe(usable)
})
