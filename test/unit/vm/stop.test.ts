import { describe, expect, it } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import type { PowerTransition } from '../../../src/lib/prism/prism.js'
import type { VmContext } from '../../../src/lib/vm/context.js'
import { stopVm } from '../../../src/lib/vm/stop.js'
import { contextOf, inTurn, machine } from './fake-machines.js'

const off = machine({ powerState: 'off', logicalTimestamp: 2 })
const refused = new AcsError('conflict', 'EACSPOWERSTATE', 'VM is off')

function scene(vm: () => Promise<typeof off>, refusal?: Error): { context: VmContext; asked: PowerTransition[] } {
  const asked: PowerTransition[] = []
  const setPowerState = (_uuid: string, transition: PowerTransition): Promise<object> => {
    asked.push(transition)
    return refusal ? Promise.reject(refusal) : Promise.resolve({})
  }
  return { context: contextOf({ vm, setPowerState }), asked }
}

describe('stopping a machine', () => {
  it('asks its guest, and waits until it is off', async () => {
    const { context, asked } = scene(inTurn(machine(), machine({ powerState: 'changing' }), off))
    expect(await stopVm(context, machine(), { everyMs: 1 })).toBe(off)
    expect(asked).toEqual(['acpi-shutdown'])
  })

  it('cuts its power by word', async () => {
    const { context, asked } = scene(inTurn(off))
    expect(await stopVm(context, machine({ powerState: 'paused' }), { force: true })).toBe(off)
    expect(asked).toEqual(['off'])
  })

  it('does nothing with one that is off', async () => {
    const { context, asked } = scene(inTurn(off))
    expect(await stopVm(context, off)).toBe(off)
    expect(asked).toEqual([])
  })

  it('is done where somebody else was faster, and refused otherwise', async () => {
    expect(await stopVm(scene(inTurn(off), refused).context, machine(), { everyMs: 1 })).toBe(off)
    await expect(stopVm(scene(inTurn(machine()), refused).context, machine())).rejects.toBe(refused)
  })

  it('names --force for a guest that does not listen', async () => {
    const { context } = scene(inTurn(machine()))
    await expect(stopVm(context, machine(), { timeoutMs: 20, everyMs: 5 })).rejects.toMatchObject({
      kind: 'timeout',
      code: 'EACSSTILLON',
      message: expect.stringMatching(/^VM "web" was asked to shut down \d+ms ago, and is still on$/) as string,
      hints: expect.arrayContaining([expect.stringContaining('acs vm stop web --force')]) as string[],
    })
  })

  it.each(['paused', 'suspended'] as const)('asks no guest of one that is %s', async (powerState) => {
    const { context, asked } = scene(inTurn(machine({ powerState })))
    await expect(stopVm(context, machine({ powerState }))).rejects.toMatchObject({
      kind: 'conflict',
      code: 'EACSPOWERSTATE',
      hints: [expect.stringContaining('--force') as string],
    })
    expect(asked).toEqual([])
  })
})
