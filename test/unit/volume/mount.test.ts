import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import { attachVolume } from '../../../src/lib/volume/attach.js'
import { createVolume } from '../../../src/lib/volume/create.js'
import { detachVolume } from '../../../src/lib/volume/detach.js'
import { journalSteps, readJournal } from '../../../src/lib/volume/journal.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import { asVolume, type Volume } from '../../../src/lib/volume/volume.js'
import { unmountVolume } from '../../../src/lib/volume/unmount.js'
import { Crash, crashAt, fakeContext, temporaryFolder, type FakeContext } from './fake-context.js'
import { fakeHost, type Disks } from './fake-host.js'
import { fakePrism, type FakePrism } from './fake-prism.js'

interface Scene {
  prism: FakePrism
  disks: Disks
  context: FakeContext
  uuid: string
  target: string
  mountPoint: string
  volume: () => Volume
}

async function scene(): Promise<Scene> {
  const prism = fakePrism()
  const disks: Disks = new Map()
  const context = await fakeContext(prism, fakeHost('a', disks))
  const { uuid } = await createVolume(context, {
    name: 'db',
    sizeBytes: 2 ** 30,
    uid: process.getuid!(),
    gid: process.getgid!(),
    mode: '0750',
  })
  return {
    prism,
    disks,
    context,
    uuid,
    target: `iqn.2010-06.com.nutanix:db-${uuid}`,
    mountPoint: join(await temporaryFolder(), 'db'),
    volume: () => asVolume(prism.groups.get(uuid)!),
  }
}

async function caught(work: Promise<unknown>): Promise<AcsError> {
  try {
    await work
  } catch (error) {
    if (error instanceof AcsError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('mount', () => {
  it('formats once, at the first mount, and never again', async () => {
    const { context, mountPoint, volume, target, disks } = await scene()
    expect(volume().trailer?.fmt).toBeDefined()
    expect(await mountVolume(context, { volume: 'db', mountPoint })).toMatchObject({ formatted: true, changed: true })
    expect(volume().trailer?.fmt).toBeUndefined()
    const made = disks.get(target)
    expect(await mountVolume(context, { volume: 'db', mountPoint })).toMatchObject({ formatted: false, changed: false })
    await unmountVolume(context, { volume: 'db' })
    expect(volume().trailer?.h).toBeUndefined()
    expect(context.host.attachedDisks).toEqual([])
    expect(await mountVolume(context, { volume: 'db', mountPoint })).toMatchObject({ formatted: false, changed: true })
    expect(disks.get(target)).toEqual(made)
    expect(context.host.calls.filter((call) => call === 'makeFilesystem')).toHaveLength(1)
  })

  it('refuses a disk that is not empty and gives back what it took', async () => {
    const { context, disks, target, volume, mountPoint } = await scene()
    disks.set(target, { state: 'data', what: 'LVM2_member', evidence: ['blkid: TYPE=LVM2_member'] })
    const error = await caught(mountVolume(context, { volume: 'db', mountPoint }))
    expect(error).toMatchObject({ code: 'EACSNOTBLANK', kind: 'conflict' })
    expect(error.message).toContain('LVM2_member')
    expect(context.host.calls).not.toContain('makeFilesystem')
    expect(context.host.attachedDisks).toEqual([])
    expect(volume().group.attachments).toEqual([])
    expect(volume().trailer?.fmt?.u).toBeUndefined()
  })

  it("never formats a group without a token: another's, or a clone whose description was copied", async () => {
    const { context, prism, volume, mountPoint } = await scene()
    const foreign = 'bbbbbbbb-0000-4000-8000-000000000001'
    prism.put({ uuid: foreign, name: 'foreign' })
    prism.put({ uuid: 'cccccccc-0000-4000-8000-000000000001', name: 'copy', description: volume().group.description })
    for (const name of ['foreign', 'copy']) {
      const error = await caught(mountVolume(context, { volume: name, mountPoint }))
      expect(error.code).toBe('EACSNOFILESYSTEM')
    }
    expect(context.host.calls).not.toContain('makeFilesystem')
    expect(prism.groups.get(foreign)?.description).toBe('')
  })

  it('mounts a group of someone else that has a filesystem, and leaves its description as it was', async () => {
    const { context, prism, disks, mountPoint } = await scene()
    const uuid = 'bbbbbbbb-0000-4000-8000-000000000001'
    prism.put({ uuid, name: 'foreign', description: 'made by hand' })
    disks.set(`iqn.2010-06.com.nutanix:foreign-${uuid}`, { state: 'filesystem', type: 'xfs', evidence: [] })
    await mountVolume(context, { volume: 'foreign', mountPoint })
    expect(context.host.mounted[0]?.filesystem).toBe('xfs')
    await unmountVolume(context, { volume: uuid })
    expect(prism.groups.get(uuid)?.description).toBe('made by hand')
  })

  it('undoes everything when mkfs is interrupted', async () => {
    const { context, disks, target, volume, mountPoint } = await scene()
    const token = volume().trailer?.fmt
    const cancel = new AbortController()
    context.deadline = deadlineIn(20_000, cancel.signal)
    context.host.failNext = {
      call: 'makeFilesystem',
      error: new AcsError('interrupted', 'EACSINTERRUPTED', 'interrupted while making a filesystem'),
      after: () => cancel.abort(),
    }
    const error = await caught(mountVolume(context, { volume: 'db', mountPoint }))
    expect(error.code).toBe('EACSINTERRUPTED')
    expect(volume().trailer?.fmt).toEqual(token)
    expect(volume().group.attachments).toEqual([])
    expect(disks.has(target)).toBe(false)
    expect(context.host.attachedDisks).toEqual([])
    expect(await readJournal(context.stateFolder, volume().group.uuid)).toBeUndefined()
    context.deadline = deadlineIn(20_000)
    expect(await mountVolume(context, { volume: 'db', mountPoint })).toMatchObject({ formatted: true })
  })

  it('keeps the proof when it could not undo, and goes on from there next time', async () => {
    const { context, volume, mountPoint } = await scene()
    context.host.failNext = {
      call: 'makeFilesystem',
      error: new AcsError('failed', 'EACSCOMMAND', 'mkfs.ext4 failed'),
      after: () => {
        context.host.failNext = { call: 'zeroDevice', error: new AcsError('failed', 'EACSCOMMAND', 'I/O error') }
      },
    }
    const error = await caught(mountVolume(context, { volume: 'db', mountPoint }))
    expect(error.details).toMatchObject({ notUndone: expect.stringContaining('filesystem') as string })
    const started = volume().trailer?.fmt?.u
    expect(started).toBeDefined()
    expect((await readJournal(context.stateFolder, volume().group.uuid))?.facts.format?.fsUuid).toBe(started)
    expect(await mountVolume(context, { volume: 'db', mountPoint })).toMatchObject({ formatted: true })
  })

  it('refuses on another machine what a crashed mkfs left, and says where to go on', async () => {
    const { context, prism, disks, volume, mountPoint } = await scene()
    crashAt(context, 'make-filesystem', 'after')
    await expect(mountVolume(context, { volume: 'db', mountPoint })).rejects.toThrow(Crash)
    const other = await fakeContext(prism, fakeHost('b', disks))
    expect((await caught(mountVolume(other, { volume: 'db', mountPoint }))).code).toBe('EACSHELD')
    const error = await caught(mountVolume(other, { volume: 'db', mountPoint, takeOver: true }))
    expect(error).toMatchObject({ code: 'EACSNOTBLANK' })
    expect(error.message).toContain('began on a')
    expect(other.host.calls).not.toContain('zeroDevice')
    expect(volume().trailer?.fmt?.u).toBeDefined()
  })

  it('says what it would do, and does nothing, on --dry-run', async () => {
    const { context, prism, uuid, mountPoint } = await scene()
    const before = prism.groups.get(uuid)
    const { planned } = await mountVolume(context, { volume: 'db', mountPoint, dryRun: true })
    expect(planned).toHaveLength(3)
    expect(planned?.join('\n')).toContain(mountPoint)
    expect(prism.groups.get(uuid)).toEqual(before)
    expect(await readdir(context.stateFolder)).toEqual([])
  })
})

const crashes = journalSteps.flatMap((step) => (['before', 'after'] as const).map((when) => [step, when] as const))

describe('a crash at every journal step', () => {
  it.each(crashes)('of a first mount: %s, %s', async (step, when) => {
    const { context, disks, target, mountPoint, volume, uuid } = await scene()
    const { prism, host, checkpoint } = context
    crashAt(context, step, when)
    const crashed = await mountVolume(context, { volume: 'db', mountPoint }).then(
      () => false,
      (error: unknown) => error instanceof Crash,
    )
    Object.assign(context, { prism, host, checkpoint })
    const result = await mountVolume(context, { volume: 'db', mountPoint })
    expect(result.mountPoint).toBe(mountPoint)
    expect(host.mounted.map((mount) => mount.mountPoint)).toEqual([mountPoint])
    expect(disks.get(target)).toMatchObject({ state: 'filesystem', type: 'ext4' })
    expect(volume().trailer?.fmt).toBeUndefined()
    expect(await readJournal(context.stateFolder, uuid)).toBeUndefined()
    if (crashed) expect(host.calls.filter((call) => call === 'mount')).toHaveLength(1)
  })

  it.each(crashes)('of an unmount: %s, %s', async (step, when) => {
    const { context, disks, target, mountPoint, volume, uuid } = await scene()
    await mountVolume(context, { volume: 'db', mountPoint })
    const content = disks.get(target)
    const { prism, host, checkpoint } = context
    crashAt(context, step, when)
    await unmountVolume(context, { volume: 'db' }).catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error
    })
    Object.assign(context, { prism, host, checkpoint })
    await unmountVolume(context, { volume: 'db' })
    expect(host.mounted).toEqual([])
    expect(host.attachedDisks).toEqual([])
    expect(volume().group.attachments).toEqual([])
    expect(disks.get(target)).toEqual(content)
    expect(await readJournal(context.stateFolder, uuid)).toBeUndefined()
  })
})

describe('attach and detach', () => {
  it('are idempotent', async () => {
    const { context, volume } = await scene()
    expect(await attachVolume(context, { volume: 'db' })).toMatchObject({ changed: true })
    expect(await attachVolume(context, { volume: 'db' })).toMatchObject({ changed: false })
    expect(volume().trailer?.h?.n).toBe('a')
    expect(await detachVolume(context, { volume: 'db' })).toMatchObject({ changed: true })
    expect(await detachVolume(context, { volume: 'db' })).toMatchObject({ changed: false })
  })

  it('keep a mounted volume', async () => {
    const { context, mountPoint } = await scene()
    await mountVolume(context, { volume: 'db', mountPoint })
    const error = await caught(detachVolume(context, { volume: 'db' }))
    expect(error).toMatchObject({ code: 'EACSMOUNTED', kind: 'conflict' })
    expect(error.message).toContain(mountPoint)
  })

  it('give access back when logging in fails', async () => {
    const { context, volume } = await scene()
    context.host.failNext = { call: 'attach', error: new AcsError('failed', 'EACSISCSI', 'login failed') }
    expect((await caught(attachVolume(context, { volume: 'db' }))).code).toBe('EACSISCSI')
    expect(volume().group.attachments).toEqual([])
    expect(volume().trailer?.h).toBeUndefined()
  })

  it('refuse what the cluster took away while it is still mounted here', async () => {
    const { context, prism, uuid, mountPoint } = await scene()
    await mountVolume(context, { volume: 'db', mountPoint })
    prism.put({ ...prism.groups.get(uuid)!, attachments: [] })
    expect((await caught(mountVolume(context, { volume: 'db', mountPoint }))).code).toBe('EACSFENCED')
    await unmountVolume(context, { volume: 'db' })
    expect(await mountVolume(context, { volume: 'db', mountPoint })).toMatchObject({ changed: true })
  })
})
