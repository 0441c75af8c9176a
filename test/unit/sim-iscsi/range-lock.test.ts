import { describe, expect, it } from 'vitest'
import { RangeLock } from '../../../src/lib/sim/iscsi/scsi/range-lock.js'

describe('range lock', () => {
  it('keeps an exclusive claim alone on its range and lets the rest go on', async () => {
    const lock = new RangeLock()
    const log: string[] = []
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    const first = lock.run(0, 10, true, async () => {
      log.push('exclusive begins')
      await gate
      log.push('exclusive ends')
    })
    expect(lock.quiet).toBe(false)
    const overlapping = lock.run(5, 15, false, () => Promise.resolve(log.push('overlapping')))
    const later = lock.run(8, 9, true, () => Promise.resolve(log.push('second exclusive')))
    const elsewhere = lock.run(20, 30, true, () => Promise.resolve(log.push('elsewhere')))
    await elsewhere
    open()
    await Promise.all([first, overlapping, later])
    expect(log).toEqual(['exclusive begins', 'elsewhere', 'exclusive ends', 'overlapping', 'second exclusive'])
    expect(lock.quiet).toBe(true)
  })

  it('frees the range when the work fails', async () => {
    const lock = new RangeLock()
    await expect(lock.run(0, 1, true, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await lock.run(0, 1, true, () => Promise.resolve())
    expect(lock.quiet).toBe(true)
  })
})
