import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { together } from '../../../src/lib/base/together.js'

describe('works done together', () => {
  it('give their results in order', async () => {
    expect(await together([sleep(10, 'slow'), Promise.resolve('ready'), Promise.resolve(3)])).toEqual([
      'slow',
      'ready',
      3,
    ])
  })

  it('are all over when one of them has failed, and the first of the list is told', async () => {
    let over = false
    const slow = sleep(20).then(() => {
      over = true
      throw new Error('slow')
    })
    await expect(together([slow, Promise.reject(new Error('quick'))])).rejects.toThrow('slow')
    expect(over).toBe(true)
  })
})
