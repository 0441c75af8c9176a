import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { withVolumeLock } from '../../../src/lib/volume/lock.js'
import { fakeContext } from './fake-context.js'
import { fakeHost } from './fake-host.js'
import { fakePrism } from './fake-prism.js'

const module = join(import.meta.dirname, '..', '..', '..', 'src', 'lib', 'volume', 'lock.ts')

async function context() {
  return fakeContext(fakePrism(), fakeHost('a', new Map()))
}

describe('the lock of a volume', () => {
  it('lets one in at a time, and all in the end', async () => {
    const shared = await context()
    const uuid = randomUUID()
    let inside = 0
    let most = 0
    await Promise.all(
      Array.from({ length: 8 }, () =>
        withVolumeLock(shared, uuid, 'test', async () => {
          inside += 1
          most = Math.max(most, inside)
          await new Promise((resolve) => setTimeout(resolve, 2))
          inside -= 1
        }),
      ),
    )
    expect(most).toBe(1)
  })

  it('is another one for each volume', async () => {
    const shared = await context()
    const nested = withVolumeLock(shared, randomUUID(), 'outer', () =>
      withVolumeLock(shared, randomUUID(), 'inner', () => Promise.resolve('both')),
    )
    expect(await nested).toBe('both')
  })

  it('is free again after an error', async () => {
    const shared = await context()
    const uuid = randomUUID()
    await expect(withVolumeLock(shared, uuid, 'test', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await withVolumeLock(shared, uuid, 'test', () => Promise.resolve(1))).toBe(1)
  })

  it('is waited for until the deadline, saying for whom', async () => {
    const holder = await context()
    const waiting = { ...(await context()), deadline: deadlineIn(150) }
    const uuid = randomUUID()
    const messages: string[] = []
    await withVolumeLock(holder, uuid, 'mount', async () => {
      const late = withVolumeLock(
        { ...waiting, report: ({ message }) => messages.push(message) },
        uuid,
        'unmount',
        () => Promise.resolve(),
      )
      await expect(late).rejects.toMatchObject({ code: 'EACSTIMEOUT' })
    })
    expect(messages).toEqual([`waiting for another acs to finish (pid ${process.pid}: mount)`])
  })

  it('dies with its process, however that dies', async () => {
    const shared = await context()
    const uuid = randomUUID()
    const script = `
      const { withVolumeLock } = await import(${JSON.stringify(module)})
      const deadline = { signal: new AbortController().signal, sleep: () => Promise.resolve() }
      await withVolumeLock({ deadline }, ${JSON.stringify(uuid)}, 'die', () => new Promise(() => console.log('locked')))
    `
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    const mine = withVolumeLock(shared, uuid, 'live', () => Promise.resolve('mine'))
    child.kill('SIGKILL')
    expect(await mine).toBe('mine')
  })
})
