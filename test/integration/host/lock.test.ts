import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createLocks } from '../../../src/lib/host/lock.js'

describe('locks between processes', () => {
  let folder: string
  let lock: string
  let log: string
  const children: ChildProcess[] = []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acs-lock-'))
    lock = join(folder, 'locks', 'it')
    log = join(folder, 'log')
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  function start(mode: string): { ended: Promise<number | null>; process: ChildProcess } {
    const script = join(import.meta.dirname, 'lock-child.ts')
    const child = spawn(process.execPath, ['--import', 'tsx', script, lock, log, mode], { stdio: 'inherit' })
    children.push(child)
    return { ended: new Promise((resolve) => child.once('exit', resolve)), process: child }
  }

  async function logged(): Promise<string[]> {
    return (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '')
  }

  it('lets one in at a time', async () => {
    const codes = await Promise.all([start('rounds'), start('rounds'), start('rounds')].map((child) => child.ended))
    expect(codes).toEqual([0, 0, 0])
    const lines = await logged()
    expect(lines).toHaveLength(60)
    for (let at = 0; at < lines.length; at += 2) expect(lines[at + 1]).toBe(lines[at]?.replace('+', '-'))
  })

  it('is free at once when its holder is killed, and EACSLOCKED while it lives', async () => {
    const holder = start('hold')
    while ((await logged()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    const locks = createLocks()
    const late = locks.within(lock, deadlineIn(200), () => Promise.resolve())
    await expect(late).rejects.toMatchObject({ code: 'EACSLOCKED', kind: 'conflict' })
    holder.process.kill('SIGKILL')
    expect(await locks.within(lock, deadlineIn(5_000), () => Promise.resolve('mine'))).toBe('mine')
  })

  it('goes on after an action that throws, and keeps different locks apart', async () => {
    const locks = createLocks()
    const failing = locks.within(lock, deadlineIn(5_000), () => Promise.reject(new Error('no')))
    await expect(failing).rejects.toThrow('no')
    const both = await locks.within(lock, deadlineIn(5_000), () =>
      locks.within(`${lock}-other`, deadlineIn(5_000), () => Promise.resolve('both')),
    )
    expect(both).toBe('both')
  })
})
