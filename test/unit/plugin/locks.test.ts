import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { deadlineIn, noDeadline } from '../../../src/lib/base/deadline.js'
import { createKeyedLocks } from '../../../src/lib/plugin/locks.js'
import { createSemaphore } from '../../../src/lib/plugin/semaphore.js'

function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

describe('locks by key', () => {
  test('let one in at a time, in the order of asking; other keys do not wait', async () => {
    const locks = createKeyedLocks()
    const order: string[] = []
    let inside = 0
    const work = (mark: string) => async (): Promise<string> => {
      inside += 1
      expect(inside).toBe(1)
      await sleep(1)
      inside -= 1
      order.push(mark)
      return mark
    }
    const all = Promise.all(
      Array.from({ length: 20 }, (_, index) => locks.run('db', noDeadline, 'mount', work(`${index}`))),
    )
    expect(await locks.run('other', noDeadline, 'mount', () => Promise.resolve('at once'))).toBe('at once')
    expect(order).toEqual([])
    expect(await all).toEqual(order)
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => `${index}`))
    expect(locks.size).toBe(0)
  })

  test('are free again after a failure, and forget the key', async () => {
    const locks = createKeyedLocks()
    await expect(locks.run('db', noDeadline, 'mount', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(locks.size).toBe(0)
    expect(await locks.run('db', noDeadline, 'mount', () => Promise.resolve(1))).toBe(1)
  })

  test('name who has it when the wait is too long, and the one after is served', async () => {
    const locks = createKeyedLocks((key) => `volume ${key}`)
    const busy = gate()
    const first = locks.run('db', noDeadline, 'mount (request 1a2b)', () => busy.opened)
    let began = false
    const second = locks.run('db', deadlineIn(30), 'unmount', () => Promise.resolve((began = true)))
    const third = locks.run('db', noDeadline, 'remove', () => Promise.resolve('served'))
    await expect(second).rejects.toMatchObject({
      kind: 'timeout',
      code: 'EACSTIMEOUT',
      message: expect.stringMatching(
        /^timed out while waiting to unmount: volume db is busy with "mount \(request 1a2b\)" since \d+\.\d s$/,
      ) as string,
    })
    busy.open()
    await first
    expect(await third).toBe('served')
    expect(began).toBe(false)
    expect(locks.size).toBe(0)
  })

  test('who is cancelled leaves the queue at once', async () => {
    const locks = createKeyedLocks()
    const busy = gate()
    const cancel = new AbortController()
    const first = locks.run('db', noDeadline, 'mount', () => busy.opened)
    const second = locks.run('db', deadlineIn(60_000, cancel.signal), 'unmount', () => Promise.resolve())
    cancel.abort(new Error('hung up'))
    await expect(second).rejects.toMatchObject({
      code: 'EACSINTERRUPTED',
      message: 'interrupted while waiting to unmount',
    })
    busy.open()
    await first
    expect(locks.size).toBe(0)
  })

  test('a deadline that has passed does not even queue', async () => {
    const locks = createKeyedLocks()
    await expect(locks.run('db', deadlineIn(0), 'mount', () => Promise.resolve())).rejects.toMatchObject({
      code: 'EACSTIMEOUT',
    })
    expect(locks.size).toBe(0)
  })

  test('stay exclusive while keys come and go in every order', async () => {
    const locks = createKeyedLocks()
    const inside = new Map<string, number>()
    let state = 7
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below
    await Promise.all(
      Array.from({ length: 2_000 }, async (_, index) => {
        const key = `v${index % 3}`
        for (let wait = random(8); wait > 0; wait -= 1) await Promise.resolve()
        await locks.run(key, noDeadline, 'mount', async () => {
          inside.set(key, (inside.get(key) ?? 0) + 1)
          expect(inside.get(key)).toBe(1)
          for (let wait = random(4); wait > 0; wait -= 1) await Promise.resolve()
          inside.set(key, 0)
        })
      }),
    )
    expect(locks.size).toBe(0)
  })
})

describe('a semaphore', () => {
  test('lets as many in as it has places', async () => {
    const semaphore = createSemaphore(3, 'iSCSI logins')
    let most = 0
    await Promise.all(
      Array.from({ length: 20 }, () =>
        semaphore.run(noDeadline, 'log in', async () => {
          most = Math.max(most, semaphore.running)
          await sleep(1)
        }),
      ),
    )
    expect(most).toBe(3)
    expect([semaphore.running, semaphore.waiting]).toEqual([0, 0])
  })

  test('names some of many holders', async () => {
    const semaphore = createSemaphore(5, 'iSCSI logins')
    const busy = gate()
    const holding = Array.from({ length: 5 }, (_, index) =>
      semaphore.run(noDeadline, `log in to t${index}`, () => busy.opened),
    )
    await expect(semaphore.run(deadlineIn(10), 'log in to t9', () => Promise.resolve())).rejects.toMatchObject({
      message: expect.stringMatching(
        /^timed out while waiting to log in to t9: iSCSI logins is busy with "log in to t0" since .*, 2 more$/,
      ) as string,
    })
    busy.open()
    await Promise.all(holding)
  })

  test('gives a place back to those who wait even when one of them gives up in between', async () => {
    const semaphore = createSemaphore(1, 'scans')
    const busy = gate()
    const first = semaphore.run(noDeadline, 'scan', () => busy.opened)
    const gone = Array.from({ length: 50 }, () =>
      semaphore.run(deadlineIn(5), 'scan', () => Promise.resolve()).catch(() => 'gave up'),
    )
    const last = semaphore.run(noDeadline, 'scan', () => Promise.resolve('in'))
    expect(new Set(await Promise.all(gone))).toEqual(new Set(['gave up']))
    busy.open()
    await first
    expect(await last).toBe('in')
  })
})
