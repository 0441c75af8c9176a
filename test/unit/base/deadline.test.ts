import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { deadlineIn, noDeadline } from '../../../src/lib/base/deadline.js'

describe('Deadline', () => {
  it('passes, names the step and aborts its signal', async () => {
    const deadline = deadlineIn(20)
    expect(deadline.remainingMs()).toBeGreaterThan(0)
    await expect(deadline.sleep(5_000, 'waiting for a disk')).rejects.toMatchObject({
      code: 'EACSTIMEOUT',
      kind: 'timeout',
      message: 'timed out while waiting for a disk',
    })
    expect(deadline.remainingMs()).toBe(0)
    await expect.poll(() => deadline.signal.aborted).toBe(true)
  })

  it('is cancelled by its caller, at once and with another error', async () => {
    const cancel = new AbortController()
    const deadline = deadlineIn(60_000, cancel.signal)
    const sleeping = deadline.sleep(60_000, 'waiting')
    const started = performance.now()
    cancel.abort(new Error('SIGINT'))
    await expect(sleeping).rejects.toMatchObject({ code: 'EACSINTERRUPTED', kind: 'interrupted' })
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  it('can only become shorter', () => {
    expect(deadlineIn(1_000).atMost(5_000).remainingMs()).toBeLessThanOrEqual(1_000)
    expect(noDeadline.atMost(50).remainingMs()).toBeLessThanOrEqual(50)
    expect(noDeadline.remainingMs()).toBe(Infinity)
  })

  it('cancels what was derived from it', () => {
    const cancel = new AbortController()
    const derived = deadlineIn(Infinity, cancel.signal).atMost(10_000)
    cancel.abort()
    expect(derived.signal.aborted).toBe(true)
    expect(() => {
      derived.check('mounting')
    }).toThrow(expect.objectContaining({ code: 'EACSINTERRUPTED' }))
  })

  it('passes even if memory was tidied up meanwhile', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const cancel = new AbortController()
    let passed = 0
    for (let count = 0; count < 20; count += 1)
      deadlineIn(60_000, cancel.signal)
        .atMost(100)
        .signal.addEventListener('abort', () => (passed += 1))
    collectGarbage()
    await new Promise((resolve) => setTimeout(resolve, 20))
    collectGarbage()
    await expect.poll(() => passed).toBe(20)
  })
})
