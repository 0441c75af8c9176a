import { describe, expect, it } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { allResults, workForAll } from '../../../src/lib/vm/several.js'

const items = Array.from({ length: 35 }, (_, number) => ({ name: `web${number}`, number }))
const refusal = (text: string): AcsError => new AcsError('conflict', 'EACSPOWERSTATE', text, { hints: ['look'] })
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('work for several', () => {
  it('is done for ten at a time, and told in order', async () => {
    let running = 0
    let most = 0
    const told: number[] = []
    const outcomes = await workForAll(
      items,
      async ({ number }) => {
        running += 1
        most = Math.max(most, running)
        for (let turns = 0; turns <= number % 3; turns += 1) await turn()
        running -= 1
        return number
      },
      { onEnd: (_outcome, ended) => told.push(ended) },
    )
    expect(most).toBe(10)
    expect(allResults(outcomes, 'be started')).toEqual(items.map(({ number }) => number))
    expect(told).toEqual(items.map(({ number }) => number + 1))
  })

  it('goes on where some fail, and says which', async () => {
    const work = ({ name, number }: { name: string; number: number }): Promise<string> =>
      number % 2 === 1 ? Promise.reject(refusal(`${name} is paused`)) : Promise.resolve(name)
    const outcomes = await workForAll(items.slice(0, 4), work)
    expect(() => allResults(outcomes, 'be started')).toThrow(
      expect.objectContaining({
        kind: 'partial',
        code: 'EACSPARTIAL',
        message: '2 of 4 VMs could not be started: web1: web1 is paused; web3: web3 is paused',
        hints: ['look'],
        details: {
          done: ['web0', 'web2'],
          failed: [
            { name: 'web1', code: 'EACSPOWERSTATE', message: 'web1 is paused' },
            { name: 'web3', code: 'EACSPOWERSTATE', message: 'web3 is paused' },
          ],
        },
      }) as Error,
    )
  })

  it('is not partly done where all fail, and for one it is its own error', async () => {
    const work = (): Promise<never> => Promise.reject(refusal('no'))
    expect(await workForAll([], work)).toEqual([])
    const one = await workForAll(items.slice(0, 1), work)
    expect(() => allResults(one, 'x')).toThrow(expect.objectContaining({ code: 'EACSPOWERSTATE' }) as Error)
    const two = await workForAll(items.slice(0, 2), work)
    expect(() => allResults(two, 'x')).toThrow(
      expect.objectContaining({ kind: 'failed', code: 'EACSPARTIAL' }) as Error,
    )
  })

  it.each([
    ['an interruption', new AcsError('interrupted', 'EACSINTERRUPTED', 'interrupted')],
    ['a defect', new TypeError('x is not a function')],
  ])('ends with %s, once what runs has ended', async (_what, error) => {
    let begun = 0
    let ended = 0
    const work = async ({ number }: { number: number }): Promise<void> => {
      begun += 1
      await turn()
      if (number === 0) throw error
      await turn()
      ended += 1
    }
    await expect(workForAll(items, work)).rejects.toBe(error)
    expect(begun).toBeLessThan(items.length)
    expect(ended).toBe(begun - 1)
  })
})
