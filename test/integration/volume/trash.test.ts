import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startVolumeLab, type VolumeLab } from './lab.js'

const iqn = 'iqn.1993-08.org.debian:01:abcdef'

let lab: VolumeLab
beforeAll(async () => {
  lab = await startVolumeLab()
})
afterAll(() => lab.close())
beforeEach(async () => {
  for (const group of await lab.prism.volumeGroups()) {
    const free =
      group.attachments.length > 0 ? await lab.prism.updateVolumeGroup(group, { allowedInitiators: [] }) : group
    await lab.prism.deleteVolumeGroup(free)
  }
})

const names = async (flags = ''): Promise<string[]> =>
  (await lab.run(`volume list -q ${flags}`)).stdout.split('\n').filter((line) => line !== '')
const trash = async (name: string): Promise<Record<string, unknown>> => lab.json(`volume delete ${name} --trash --yes`)

describe('the trash', () => {
  it('takes a volume with all it has, frees its name, and gives it back', async () => {
    const { uuid } = await lab.json(
      'volume create db --size 2G --fs xfs --description "for people" --mount-options noatime',
    )
    await lab.json('volume snapshot create db one')
    const trashed = await trash('db')
    expect(trashed).toMatchObject({ uuid, volume: 'db' })
    expect(trashed.name).toMatch(/^db\.trash-\d{8}-\d{6}-[0-9a-f]{4}$/)
    const kept = new Date(String(trashed.until)).getTime() - new Date(String(trashed.deletedAt)).getTime()
    expect(kept).toBe(7 * 86_400_000)

    expect(await names()).toEqual([])
    expect(await names('--all')).toEqual(['db@one'])
    expect(await names('--trash')).toEqual([trashed.name])
    expect((await lab.run('volume list --trash')).stdout).toMatch(/^NAME +VOLUME +SIZE +CONTAINER +DELETED +KEPT UNTIL/)
    expect(await lab.json('volume explain ' + String(uuid))).toMatchObject({ state: 'trash' })
    expect(await lab.failure('volume show db')).toMatchObject({
      code: 'EACSNOTFOUND',
      hints: ['It is in the trash, take it out: acs volume undelete db'],
    })

    const back = await lab.json('volume undelete db')
    expect(back).toMatchObject({
      uuid,
      name: 'db',
      description: 'for people',
      mountOptions: 'noatime',
      formatted: false,
      snapshots: 1,
    })
    expect(await names('--trash')).toEqual([])
  })

  it('gives nothing in it away until it is taken out', async () => {
    const { uuid } = await lab.json('volume create db --size 1M')
    await lab.json('volume snapshot create db one')
    await trash('db')
    for (const command of [
      `volume attach ${String(uuid)} --initiator ${iqn}`,
      `volume attach ${String(uuid)} --initiator ${iqn} --shared`,
      `volume resize ${String(uuid)} 2M`,
      `volume snapshot create ${String(uuid)} two`,
      'volume snapshot restore db@one --yes',
      `volume delete ${String(uuid)} --trash --yes`,
    ]) {
      const failure = await lab.failure(command)
      expect(failure, command).toMatchObject({ exit: 5, code: 'EACSTRASHED' })
      expect(failure.hints[0]).toContain('acs volume undelete db.trash-')
    }
    // Its snapshot goes on to work, and it can be deleted for good by its name.
    expect(await lab.json('volume create copy --from-snapshot db@one')).toMatchObject({ created: true })
    expect(await lab.failure(`volume delete ${String(uuid)} --yes`)).toMatchObject({ code: 'EACSHASSNAPSHOTS' })
    await lab.json(`volume delete ${String(uuid)} --yes --with-snapshots`)
    expect(await names('--all')).toEqual(['copy'])
  })

  it('refuses what is in use, protected, a snapshot or not ours', async () => {
    await lab.json('volume create db --size 1M --protect')
    expect(await lab.failure('volume delete db --trash --yes')).toMatchObject({ exit: 5, code: 'EACSPROTECTED' })
    await lab.json('volume update db --no-protect')
    await lab.json('volume snapshot create db one')
    expect(await lab.failure('volume delete db@one --trash --yes')).toMatchObject({ exit: 2, code: 'EACSSNAPSHOT' })
    await lab.json(`volume attach db --initiator ${iqn} --holder h1`)
    const held = await lab.failure('volume delete db --trash --yes')
    expect(held).toMatchObject({ exit: 5, code: 'EACSATTACHED' })
    expect(held.message).toContain('h1')
    const [container] = await lab.prism.storageContainers()
    await lab.prism.createVolumeGroup({
      name: 'dvp',
      disks: [{ sizeBytes: 2 ** 20, storageContainerUuid: container!.uuid }],
    })
    expect(await lab.failure('volume delete dvp --trash --yes')).toMatchObject({ exit: 5, code: 'EACSFOREIGN' })
    expect(await names('--trash')).toEqual([])
  })

  it('asks, unless it is told, and does nothing with --dry-run', async () => {
    await lab.json('volume create db --size 1M')
    expect(await lab.failure('volume delete db --trash')).toMatchObject({ exit: 2, code: 'EACSNOINPUT' })
    expect(await lab.failure('volume delete db --trash --confirm web')).toMatchObject({ exit: 2, code: 'EACSCONFIRM' })
    expect((await lab.json('volume delete db --trash --dry-run')).planned).toHaveLength(1)
    expect(await names()).toEqual(['db'])
    await lab.json('volume delete db --trash --confirm db')
    expect((await lab.json('volume undelete db --dry-run')).planned).toHaveLength(1)
    expect(await lab.failure('volume prune --all')).toMatchObject({ exit: 2, code: 'EACSNOINPUT' })
    expect((await lab.json('volume prune --all --dry-run')).planned).toHaveLength(1)
    expect((await lab.json('volume prune --dry-run')).planned).toHaveLength(0)
    expect(await names('--trash')).toHaveLength(1)
  })

  it('gives back the one that went last, or any by its own name, and never over another', async () => {
    const first = await lab.json('volume create db --size 1M')
    const firstTrash = await trash('db')
    const second = await lab.json('volume create db --size 1M')
    expect(second.uuid).not.toBe(first.uuid)
    await trash('db')
    const { code, stderr } = await lab.run('volume undelete db')
    expect(code).toBe(0)
    expect(stderr).toContain(`2 volumes "db" are in the trash; this is the one that went last`)
    expect(stderr).toContain(String(firstTrash.name))
    expect(await lab.json('volume show db')).toMatchObject({ uuid: second.uuid })
    expect(await lab.failure('volume undelete db')).toMatchObject({ exit: 5, code: 'EACSEXISTS' })
    expect(await lab.json(`volume undelete ${String(firstTrash.name)} --as older`)).toMatchObject({
      uuid: first.uuid,
      name: 'older',
    })
    expect(await lab.failure('volume undelete db')).toMatchObject({ exit: 3, code: 'EACSNOTFOUND' })
    expect(await lab.failure('volume undelete db --as "no name"')).toMatchObject({ exit: 3 })
  })

  it('does not take along a clone that somebody makes of it in Prism', async () => {
    const { uuid } = await lab.json('volume create db --size 1M')
    await trash('db')
    await lab.prism.cloneVolumeGroup(String(uuid), { name: 'mine' })
    expect((await lab.prism.volumeGroups()).find(({ name }) => name === 'mine')?.description).toContain('"del":')
    expect(await names()).toEqual(['mine'])
    expect((await lab.json('volume prune --all --yes')).deleted).toHaveLength(1)
    expect(await names()).toEqual(['mine'])
  })
})

describe('acs volume prune', () => {
  /** Moves the times in a trashed volume's record into the past. */
  const age = async (name: unknown, days: number): Promise<void> => {
    const group = (await lab.prism.volumeGroups()).find((one) => one.name === name)!
    const description = group.description.replaceAll(/"(at|until)":"([^"]+)"/g, (_all, key: string, time: string) => {
      return `"${key}":"${new Date(Date.parse(time) - days * 86_400_000).toISOString()}"`
    })
    await lab.prism.updateVolumeGroup(group, { description })
  }
  const prepare = async (name: string, days: number): Promise<string> => {
    await lab.json(`volume create ${name} --size 1M`)
    const trashed = await trash(name)
    await age(trashed.name, days)
    return String(trashed.name)
  }

  it('deletes what has had its time, and nothing else', async () => {
    const [old, young] = [await prepare('old', 8), await prepare('young', 6)]
    const { deleted } = await lab.json('volume prune --yes')
    expect(deleted).toEqual([expect.objectContaining({ name: old })])
    expect(await names('--trash')).toEqual([young])
    expect((await lab.json('volume prune --yes')).deleted).toEqual([])
    expect((await lab.json('volume prune --older-than 7d --yes')).deleted).toEqual([])
    expect((await lab.json('volume prune --older-than 5d --yes')).deleted).toHaveLength(1)
  })

  it('leaves what has snapshots, is protected or attached, and says so', async () => {
    await lab.json('volume create snapped --size 1M')
    await lab.json('volume snapshot create snapped one')
    await trash('snapped')
    const guarded = await prepare('guarded', 0)
    await lab.json(`volume update ${guarded} --protect`)
    await prepare('gone', 0)
    const { code, stdout, stderr } = await lab.run('volume prune --all --yes')
    expect(code).toBe(0)
    expect(stderr).toMatch(/snapped\.trash-\S+ stays in the trash: it has 1 snapshot/)
    expect(stderr).toMatch(/guarded\.trash-\S+ stays in the trash: it is protected/)
    expect(stderr).toContain('Deleted 1 volume (1 MiB) from the trash.')
    expect(stdout).toBe('')
    expect(await names('--trash')).toHaveLength(2)
    await lab.json(`volume update ${guarded} --no-protect`)
    expect((await lab.json('volume prune --all --with-snapshots --yes')).deleted).toHaveLength(2)
    expect(await lab.prism.volumeGroups()).toEqual([])
  })

  it('says with 7 that some could not be deleted, and deletes the rest', async () => {
    for (const name of ['one', 'two', 'three']) await prepare(name, 9)
    lab.simulator.addFault({ kind: 'task-failure', match: 'VolumeGroupDelete', message: 'not today' })
    const failure = await lab.failure('volume prune --yes')
    expect(failure).toMatchObject({ exit: 7, code: 'EACSPRUNE' })
    expect(failure.message).toMatch(/^2 of 3 volumes were deleted from the trash; not "\w+\.trash-.*not today/)
    expect(failure.details.deleted).toHaveLength(2)
    expect(await names('--trash')).toEqual(failure.details.failed)
    expect((await lab.json('volume prune --yes')).deleted).toHaveLength(1)
  })
})
