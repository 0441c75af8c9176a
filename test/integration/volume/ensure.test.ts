import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import type { AcsError } from '../../../src/lib/base/errors.js'
import type { StorageContainer } from '../../../src/lib/prism/prism.js'
import { claim } from '../../../src/lib/volume/exclusive.js'
import type { VolumeContext } from '../../../src/lib/volume/context.js'
import { ensureVolume, type EnsureResult, type VolumePolicy } from '../../../src/lib/volume/ensure.js'
import { removeVolume } from '../../../src/lib/volume/remove.js'
import { createSnapshot } from '../../../src/lib/volume/snapshot.js'
import { trashVolume } from '../../../src/lib/volume/trash.js'
import { undeleteVolume } from '../../../src/lib/volume/undelete.js'
import { updateVolume } from '../../../src/lib/volume/update.js'
import { asVolume, type Volume } from '../../../src/lib/volume/volume.js'
import { fakeHost } from '../../unit/volume/fake-host.js'
import { startVolumeLab, type VolumeLab } from './lab.js'

// Two machines do not share a machine's lock; without this the two hosts of a test would.
vi.mock('../../../src/lib/volume/lock.js', () => ({
  withVolumeLock: <T>(_context: unknown, _uuid: string, _doing: string, work: () => Promise<T>) => work(),
}))

const gib = 2 ** 30

let lab: VolumeLab
let containers: StorageContainer[]
beforeAll(async () => {
  lab = await startVolumeLab()
  containers = await lab.prism.storageContainers()
})
afterAll(() => lab.close())
beforeEach(async () => {
  for (const group of await lab.prism.volumeGroups()) {
    const free =
      group.attachments.length > 0 ? await lab.prism.updateVolumeGroup(group, { allowedInitiators: [] }) : group
    await lab.prism.deleteVolumeGroup(free)
  }
})

function host(name: string): VolumeContext {
  return {
    prism: lab.prism,
    host: fakeHost(name, new Map()),
    stateFolder: join(lab.folder, 'hosts', name),
    deadline: deadlineIn(60_000),
  }
}
const ensure = (
  name: string,
  options: Record<string, string> = {},
  policy: VolumePolicy = {},
  context = host('h1'),
): Promise<EnsureResult> => ensureVolume(context, { name, options, policy })
const refused = async (work: Promise<unknown>): Promise<AcsError> => {
  try {
    await work
  } catch (error) {
    return error as AcsError
  }
  throw new Error('was not refused')
}
const all = async (): Promise<Volume[]> => (await lab.prism.volumeGroups()).map(asVolume)
const foreign = async (name: string, sizeBytes = gib): Promise<string> => {
  const disks = [{ sizeBytes, storageContainerUuid: containers[0]!.uuid }]
  return (await lab.prism.createVolumeGroup({ name, disks, description: 'made by the old plugin' })).uuid
}

describe('Create of a volume', () => {
  it('makes one of 10 GiB when nothing is said, and only one', async () => {
    const { volume, created, name } = await ensure('db')
    expect({ created, name }).toEqual({ created: true, name: 'db' })
    expect(volume.group.disks[0]!.sizeBytes).toBe(10 * gib)
    expect(volume.trailer).toMatchObject({ fs: 'ext4', c: 'h1' })
    const again = await ensure('db')
    expect(again).toMatchObject({ created: false, volume: { group: { uuid: volume.group.uuid } } })
    expect(await all()).toHaveLength(1)
  })

  it('takes every option, from -o and from the name', async () => {
    const { volume, name } = await ensure('db,size=2G,fs=xfs,read-only', {
      mkfsOptions: '-m reflink=1',
      'mount-options': 'noatime,discard',
      description: 'orders',
      flash: '',
      uid: '999',
      gid: '998',
      mode: '700',
      'on-remove': 'retain',
      container: containers[0]!.name,
    })
    expect(name).toBe('db')
    expect(volume.group).toMatchObject({ name: 'db', flashMode: true })
    expect(volume.group.disks[0]!.sizeBytes).toBe(2 * gib)
    expect(volume.text).toBe('orders')
    expect(volume.trailer).toMatchObject({
      fs: 'xfs',
      mk: '-m reflink=1',
      mo: 'noatime discard',
      uid: 999,
      gid: 998,
      mode: '0700',
      rm: 'retain',
      ro: true,
    })
    expect(await ensure('db')).toMatchObject({ created: false })
    expect((await refused(ensure('web,size=1G', { sizeMb: '1' }))).code).toBe('EACSDRIVEROPTION')
    expect((await refused(ensure('web', { 'mount-options': 'bind' }))).code).toBe('EACSMOUNTOPTION')
    const elsewhere = { fs: 'xfs', 'mkfs-options': '-l logdev=/dev/sda' }
    expect((await refused(ensure('web', elsewhere))).code).toBe('EACSMKFSOPTION')
    expect((await refused(ensure('web', { help: '' }, { profiles: { gold: {} } }))).message).toContain('gold')
    for (const bad of ['', '../../etc', 'we ird', ',size=1G', 'a'.repeat(200)])
      expect((await refused(ensure(bad))).code, bad).toBe('EACSNAME')
    expect(await all()).toHaveLength(1)
  })

  it('follows profiles and rules', async () => {
    const policy: VolumePolicy = {
      defaults: { size: '1G' },
      enforce: { 'on-remove': 'trash' },
      profiles: { big: { defaults: { size: '3G', fs: 'xfs' } } },
    }
    expect((await ensure('small', {}, policy)).volume.trailer).toMatchObject({ fs: 'ext4', rm: 'trash' })
    const big = (await ensure('big', { profile: 'big' }, policy)).volume
    expect(big.trailer?.fs).toBe('xfs')
    expect(big.group.disks[0]!.sizeBytes).toBe(3 * gib)
    expect((await refused(ensure('x', { 'on-remove': 'delete' }, policy))).code).toBe('EACSENFORCED')
    // Defaults and rules are for new volumes.
    expect(await ensure('small', {}, { ...policy, enforce: { fs: 'btrfs', size: '64G' } })).toMatchObject({
      created: false,
    })
  })

  it('refuses what is more than a quota, for new ones only', async () => {
    const policy: VolumePolicy = { quota: { host: { volumes: 2, size: '5G' } } }
    await ensure('one', { size: '1G' }, policy)
    expect((await refused(ensure('two', { size: '5G' }, policy))).code).toBe('EACSQUOTA')
    await ensure('two', { size: '4G' }, policy)
    const error = await refused(ensure('three', { size: '1G' }, policy))
    expect(error).toMatchObject({ code: 'EACSQUOTA', kind: 'conflict' })
    expect(error.message).toContain('h1, may have: the limit is 2 volumes, in use are 2')
    expect(await ensure('one', {}, policy)).toMatchObject({ created: false })
    expect(await ensure('three', { size: '1G' }, policy, host('h2'))).toMatchObject({ created: true })
    expect((await refused(ensure('copy', { from: 'one' }, policy))).code).toBe('EACSQUOTA')
    await trashVolume(host('h1'), { volume: 'two' })
    expect(await ensure('four', { from: 'one' }, policy)).toMatchObject({ created: true })
    const [disk] = (await all())[0]!.group.disks
    const full: VolumePolicy = { quota: { containers: { [disk!.storageContainerUuid]: { volumes: 3 } } } }
    expect((await refused(ensure('five', {}, full))).message).toContain('storage container')
  })

  it('clones a volume or a snapshot, as large as asked', async () => {
    await ensure('db', { size: '1G', fs: 'xfs', uid: '999', 'on-remove': 'delete' })
    await createSnapshot(host('h1'), { volume: 'db', name: 'clean' })
    const { volume } = await ensure(
      'copy',
      { from: 'db', size: '2G', 'on-remove': 'retain' },
      { defaults: { fs: 'ext4' } },
    )
    expect(volume.group.disks[0]!.sizeBytes).toBe(2 * gib)
    expect(volume.trailer).toMatchObject({ fs: 'xfs', uid: 999, rm: 'retain', c: 'h1' })
    expect(volume.trailer).not.toHaveProperty('fmt')
    expect((await ensure('copy2', { from: 'db', fromSnapshot: 'clean', ro: '' })).volume.trailer).toMatchObject({
      ro: true,
    })
    expect((await ensure('copy3', { 'from-snapshot': 'db@clean' })).created).toBe(true)
    expect((await ensure('copy3', { 'from-snapshot': 'db@clean' })).created).toBe(false)
    expect((await refused(ensure('x', { from: 'nothing' }))).code).toBe('EACSNOTFOUND')
    expect((await refused(ensure('x', { from: 'db', fs: 'ext4' }))).message).toContain('has its filesystem, xfs')
    expect((await refused(ensure('x', { from: 'db', size: '512M' }))).message).toContain('no smaller than its source')
    expect((await refused(ensure('x', { from: 'db', uid: '1' }))).message).toContain('uid goes with new volumes only')
    // Its source may be gone by the next Create.
    await removeVolume(host('h1'), { volume: 'copy' })
    await lab.json('volume delete db --with-snapshots --yes')
    expect(await ensure('copy2', { from: 'db' })).toMatchObject({ created: false })
  })
})

describe('Create of what is there', () => {
  it('takes up ours when it is what was asked for', async () => {
    await ensure('db', { size: '2G', fs: 'xfs' })
    expect(await ensure('db', { size: '1G' })).toMatchObject({ created: false })
    expect((await refused(ensure('db', { size: '3G' }))).message).toMatch(/it is smaller: 2 GiB instead of 3 GiB/)
    expect((await refused(ensure('db', { fs: 'ext4' }))).message).toMatch(/another filesystem: xfs instead of ext4/)
    await createSnapshot(host('h1'), { volume: 'db', name: 'one' })
    expect((await refused(ensure('db@one'))).message).toContain('is a snapshot')
  })

  it("takes up somebody else's without a word of ours in it, and never formats it", async () => {
    const uuid = await foreign('dvp')
    const before = await lab.prism.volumeGroup(uuid)
    const { volume, created } = await ensure('dvp', { size: '1G', fs: 'xfs' })
    expect(created).toBe(false)
    expect(await lab.prism.volumeGroup(uuid)).toEqual(before)
    expect(volume.trailer).toBeUndefined()
    expect((await refused(ensure('dvp', { size: '2G' }))).code).toBe('EACSEXISTS')
  })

  it('refuses one that a virtual machine has, and a name that two groups have', async () => {
    const uuid = await foreign('dvp')
    const vm = await lab.prism.createVm({ name: 'vm', memoryBytes: 1024 ** 3, vcpus: 1, disks: [], nics: [] })
    await lab.prism.attachToVm(uuid, vm.uuid)
    expect((await refused(ensure('dvp'))).message).toContain(`attached to virtual machine ${vm.uuid.slice(0, 8)}`)
    await lab.prism.detachFromVm(uuid, vm.uuid)
    await foreign('twin')
    const twin = await foreign('other')
    try {
      await lab.prism.updateVolumeGroup(await lab.prism.volumeGroup(twin), { name: 'twin' })
    } catch {
      return // This cluster does not allow it.
    }
    expect((await refused(ensure('twin'))).code).toBe('EACSDUPLICATE')
  })
})

describe('Remove', () => {
  it('puts a volume in the trash, unless it or the host says otherwise', async () => {
    await ensure('db')
    const { outcome, volume } = await removeVolume(host('h1'), { volume: 'db', keepMs: 60_000 })
    expect(outcome).toBe('trashed')
    expect(volume.trailer?.del).toMatchObject({ n: 'db' })
    const { at, until } = volume.trailer!.del!
    expect(Date.parse(until) - Date.parse(at)).toBe(60_000)
    expect((await refused(removeVolume(host('h1'), { volume: 'db' }))).code).toBe('EACSNOTFOUND')
    // The name is free, and what was there before does not come back by itself.
    const next = await ensure('db')
    expect(next.created).toBe(true)
    expect(next.volume.group.uuid).not.toBe(volume.group.uuid)

    expect(await removeVolume(host('h1'), { volume: 'db', policy: 'delete' })).toMatchObject({ outcome: 'deleted' })
    await ensure('own', { 'on-remove': 'delete' })
    expect(await removeVolume(host('h1'), { volume: 'own', policy: 'retain' })).toMatchObject({ outcome: 'deleted' })
    expect((await undeleteVolume(host('h2'), { volume: 'db' })).volume.group.uuid).toBe(volume.group.uuid)
  })

  it('keeps what is retained, out of sight until it is created again', async () => {
    const { volume } = await ensure('db', { 'on-remove': 'retain', size: '1G' })
    const removed = await removeVolume(host('h1'), { volume: 'db' })
    expect(removed).toMatchObject({ outcome: 'retained', volume: { trailer: { hid: true } } })
    expect(removed.volume.group.uuid).toBe(volume.group.uuid)
    expect((await refused(ensure('db', { size: '2G' }))).code).toBe('EACSEXISTS')
    expect((await all())[0]!.trailer?.hid).toBe(true)
    const again = await ensure('db', { size: '1G' })
    expect(again).toMatchObject({ created: false })
    expect(again.volume.group.uuid).toBe(volume.group.uuid)
    expect((await all())[0]!.trailer).not.toHaveProperty('hid')
  })

  it("always keeps somebody else's, and leaves no trace once it is taken up again", async () => {
    const uuid = await foreign('dvp')
    expect(await removeVolume(host('h1'), { volume: 'dvp', policy: 'delete' })).toMatchObject({ outcome: 'retained' })
    expect((await all())[0]).toMatchObject({
      group: { uuid },
      trailer: { v: 1, hid: true },
      text: 'made by the old plugin',
    })
    await ensure('dvp')
    expect((await lab.prism.volumeGroup(uuid)).description).toBe('made by the old plugin')
  })

  it.each(['retain', 'trash', 'delete'] as const)('does nothing (%s) while anybody uses it', async (policy) => {
    const { volume } = await ensure('db')
    const me = { hostName: 'h2', bootId: 'b', initiatorName: 'iqn.1993-08.org.debian:01:h2' }
    await claim(host('h2'), volume.group.uuid, me)
    const error = await refused(removeVolume(host('h1'), { volume: 'db', policy }))
    expect(error).toMatchObject({ code: 'EACSATTACHED', kind: 'conflict' })
    expect(error.message).toContain('h2 (iqn.1993-08.org.debian:01:h2)')
    expect((await all())[0]!.trailer?.h?.n).toBe('h2')
  })

  it('is refused for a protected volume, except where it is kept anyway', async () => {
    await ensure('db')
    await updateVolume(host('h1'), { volume: 'db', protect: true })
    for (const policy of ['trash', 'delete'] as const)
      expect((await refused(removeVolume(host('h1'), { volume: 'db', policy }))).code).toBe('EACSPROTECTED')
    expect(await removeVolume(host('h1'), { volume: 'db', policy: 'retain' })).toMatchObject({ outcome: 'retained' })
  })
})

describe('hosts at once', () => {
  const rounds = 15
  const hosts = ['h1', 'h2', 'h3']
  const atOnce = <T>(work: (context: VolumeContext) => Promise<T>): Promise<PromiseSettledResult<T>[]> =>
    Promise.allSettled(hosts.map((name) => work(host(name))))
  const fulfilled = <T>(results: PromiseSettledResult<T>[]): T[] =>
    results.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })

  it('create one volume', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const made = fulfilled(await atOnce((context) => ensure(`v${round}`, { size: '1M' }, {}, context)))
      expect(new Set(made.map(({ volume }) => volume.group.uuid)).size).toBe(1)
      expect(made.filter(({ created }) => created)).toHaveLength(1)
    }
    expect(await all()).toHaveLength(rounds)
  })

  it('clone one volume, and whoever has it attached by then keeps it', async () => {
    await ensure('db', { size: '1M' })
    for (let round = 0; round < rounds; round += 1) {
      const made = await atOnce(async (context) => {
        const { volume } = await ensure(`c${round}`, { from: 'db' }, {}, context)
        const { hostName, bootId } = await context.host.identity()
        const me = { hostName, bootId, initiatorName: `iqn.1993-08.org.debian:01:${hostName}` }
        return claim(context, volume.group.uuid, me)
      })
      const winners = made.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      const losers = made.flatMap((result) => (result.status === 'rejected' ? [result.reason as AcsError] : []))
      expect(losers.map(({ code }) => code)).toEqual(['EACSHELD', 'EACSHELD'])
      const now = (await all()).filter(({ group }) => group.name === `c${round}`)
      expect(now).toHaveLength(1)
      expect(now[0]!.trailer).toMatchObject({ fs: 'ext4', h: { n: winners[0]!.trailer!.h!.n } })
      expect(now[0]!.trailer).not.toHaveProperty('fmt')
    }
  })

  it('remove one volume, and it is in the trash once', async () => {
    for (let round = 0; round < rounds; round += 1) {
      await ensure(`r${round}`, { size: '1M' })
      const removed = await atOnce((context) => removeVolume(context, { volume: `r${round}` }))
      // Whoever comes second may find it gone; that is no failure of the first.
      expect(removed.some(({ status }) => status === 'fulfilled')).toBe(true)
      for (const result of removed)
        if (result.status === 'rejected')
          expect(['EACSNOTFOUND', 'EACSCHANGED', 'EACSTRASHED']).toContain((result.reason as AcsError).code)
      const inTrash = (await all()).filter(({ trailer }) => trailer?.del?.n === `r${round}`)
      expect(inTrash).toHaveLength(1)
    }
  })
})
