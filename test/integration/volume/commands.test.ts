import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startVolumeLab, type VolumeLab } from './lab.js'

const iqn = 'iqn.1993-08.org.debian:01:abcdef'

let lab: VolumeLab
beforeAll(async () => {
  lab = await startVolumeLab()
})
afterAll(() => lab.close())

describe('acs volume, without root', () => {
  it('creates, shows and lists', async () => {
    const made = await lab.json(
      'volume create web --size 1G --fs xfs --description "for people" --owner 33:33 --mode 750',
    )
    expect(made).toMatchObject({ name: 'web', sizeBytes: 2 ** 30, filesystem: 'xfs', formatted: false, created: true })
    expect(await lab.json('volume show web')).toMatchObject({
      description: 'for people',
      owner: '33:33',
      state: 'free',
    })
    const { stdout } = await lab.run('volume list')
    expect(stdout).toMatch(/^NAME +SIZE +CONTAINER +FILESYSTEM +STATE +HOLDER +SINCE +SNAPSHOTS +DESCRIPTION\n/)
    expect(stdout).toMatch(/web +1 GiB +default-container-\d+ +xfs \(new\) +free +- +- +0 +for people/)
    expect((await lab.run('vg ls -q')).stdout).toBe('web\n')
    expect((await lab.prism.volumeGroups())[0]?.description).toMatch(/^for people\nacs:\{"v":1,"fs":"xfs"/)
  })

  it('refuses a name that is taken, unless that is fine', async () => {
    expect(await lab.failure('volume create web --size 1G')).toMatchObject({ exit: 5, code: 'EACSEXISTS' })
    expect(await lab.json('volume create web --size 1G --exists-ok')).toMatchObject({ created: false })
    expect(await lab.failure('volume create web --size 2G --exists-ok')).toMatchObject({ exit: 5, code: 'EACSEXISTS' })
    expect(await lab.prism.volumeGroups()).toHaveLength(1)
  })

  it('makes one volume when several hosts create one name at once', async () => {
    const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map(() => lab.run('volume create same --size 1M --json')))
    expect(outcomes.map(({ code }) => code).sort()).toEqual([0, 5, 5, 5])
    expect((await lab.prism.volumeGroups()).filter((group) => group.name === 'same')).toHaveLength(1)
  })

  it('says what it would do with --dry-run, and does not', async () => {
    const before = await lab.prism.volumeGroups()
    for (const command of [
      'volume create new --size 1G',
      'volume clone web new',
      'volume snapshot create web now',
      'volume resize web 2G',
      'volume update web --protect',
      `volume attach web --initiator ${iqn}`,
      'volume delete web',
    ])
      expect((await lab.json(`${command} --dry-run`)).planned).not.toHaveLength(0)
    expect(await lab.prism.volumeGroups()).toEqual(before)
  })

  it('attaches an initiator exclusively, and names it to the next', async () => {
    expect(await lab.json(`volume attach web --initiator ${iqn} --holder host1`)).toMatchObject({ changed: true })
    expect(await lab.json(`volume attach web --initiator ${iqn}`)).toMatchObject({ changed: false })
    const held = await lab.failure('volume attach web --initiator iqn.2000-01.x:other')
    expect(held).toMatchObject({ exit: 5, code: 'EACSHELD', details: { holder: 'host1', initiator: iqn } })
    expect(held.message).toMatch(/held by host1 .* since \d{4}-/)
    expect(await lab.json('volume show web')).toMatchObject({ state: 'held', holder: 'host1', initiators: [iqn] })
    expect(await lab.json('volume explain web')).toMatchObject({ state: 'held' })
    expect(await lab.failure('volume delete web --yes')).toMatchObject({ exit: 5, code: 'EACSATTACHED' })
    expect(await lab.failure('volume attach web --initiator iqn.2000-01.x:other --take-over')).toMatchObject({
      exit: 2,
      code: 'EACSNOINPUT',
    })
    expect(await lab.json('volume attach web --initiator iqn.2000-01.x:other --take-over --yes')).toMatchObject({
      changed: true,
    })
    expect(await lab.json('volume detach web --initiator iqn.2000-01.x:other')).toMatchObject({
      changed: true,
      state: 'free',
    })
    expect((await lab.prism.volumeGroups()).find((group) => group.name === 'web')?.description).not.toContain('"h":')
  })

  it('lets two in side by side only when that is said', async () => {
    await lab.json(`volume attach web --initiator ${iqn}`)
    expect(await lab.json('volume attach web --initiator iqn.2000-01.x:other --shared')).toMatchObject({
      changed: true,
    })
    expect(await lab.json('volume show web')).toMatchObject({ initiators: [iqn, 'iqn.2000-01.x:other'] })
    expect(await lab.json('volume detach web --force --yes')).toMatchObject({ state: 'free' })
  })

  it('snapshots, clones and restores, and hides snapshots from plain lists', async () => {
    expect(await lab.json('volume snapshot create web one')).toMatchObject({
      name: 'web@one',
      volume: 'web',
      frozen: false,
    })
    expect((await lab.run('volume list -q')).stdout.split('\n')).not.toContain('web@one')
    expect((await lab.run('volume list --all -q')).stdout.split('\n')).toContain('web@one')
    expect((await lab.run('volume snapshot list web -q')).stdout).toBe('web@one\n')
    expect(await lab.json('volume show web')).toMatchObject({ snapshots: 1 })
    expect(await lab.failure('volume snapshot create web one')).toMatchObject({ exit: 5, code: 'EACSEXISTS' })
    expect(await lab.failure(`volume attach web@one --initiator ${iqn}`)).toMatchObject({
      exit: 5,
      code: 'EACSSNAPSHOT',
    })
    expect(await lab.failure('volume delete web --yes')).toMatchObject({ exit: 5, code: 'EACSHASSNAPSHOTS' })

    expect(await lab.json('volume create copy --from-snapshot web@one')).toMatchObject({
      formatted: true,
      filesystem: 'xfs',
      description: 'for people',
    })
    expect(await lab.json('volume clone web copy2')).toMatchObject({ created: true, formatted: true })
    const copied = (await lab.prism.volumeGroups()).filter((group) => group.name.startsWith('copy'))
    expect(copied.map((group) => group.description.includes('fmt'))).toEqual([false, false])

    const { uuid } = await lab.json('volume show web')
    const restored = await lab.json('volume snapshot restore web@one --yes')
    expect(restored.uuid).not.toBe(uuid)
    expect(await lab.json(`volume snapshot show ${String(restored.kept)}`)).toMatchObject({ uuid, volume: 'web' })
    expect(await lab.json('volume show web')).toMatchObject({ uuid: restored.uuid, snapshots: 2 })
    expect(await lab.json('volume snapshot delete web@one --confirm web@one')).toMatchObject({ name: 'web@one' })
  })

  it('refuses a restore while the volume is attached', async () => {
    await lab.json('volume snapshot create web two')
    await lab.json(`volume attach web --initiator ${iqn}`)
    expect(await lab.failure('volume snapshot restore web@two --yes')).toMatchObject({ exit: 5, code: 'EACSATTACHED' })
    await lab.json(`volume detach web --initiator ${iqn}`)
  })

  it('updates only what is said, and keeps a text a person wrote in Prism', async () => {
    const group = (await lab.prism.volumeGroups()).find((candidate) => candidate.name === 'copy')!
    await lab.prism.updateVolumeGroup(group, { description: `written in Prism\n${group.description}\nand below` })
    expect(await lab.json('volume update copy --protect --flash --on-remove retain')).toMatchObject({
      protected: true,
      flash: true,
      onRemove: 'retain',
    })
    const now = await lab.prism.volumeGroup(group.uuid)
    expect(now.description).toMatch(/^written in Prism\n[\s\S]*acs:\{.*"prot":true.*\}\nand below$/)
    expect(await lab.json('volume update copy --protect')).toMatchObject({ changed: false })
    expect(await lab.failure('volume delete copy --yes')).toMatchObject({ exit: 5, code: 'EACSPROTECTED' })
    expect(await lab.failure('volume update copy --owner 1:1')).toMatchObject({ exit: 5, code: 'EACSFORMATTED' })
    expect(await lab.json('volume update copy --no-protect --description new')).toMatchObject({
      protected: false,
      description: 'new',
    })
  })

  it('switches CHAP on with a secret that shows nowhere', async () => {
    const { stdout, stderr } = await lab.run('volume update copy --chap --json --debug')
    expect(JSON.parse(stdout)).toMatchObject({ result: { chap: true } })
    const { readFile, readdir, stat } = await import('node:fs/promises')
    const folder = `${lab.folder}/state/chap`
    const [file] = await readdir(folder)
    const secret = (await readFile(`${folder}/${file!}`, 'utf8')).trim()
    expect(secret).toHaveLength(16)
    expect((await stat(`${folder}/${file!}`)).mode & 0o777).toBe(0o600)
    expect(stdout + stderr).not.toContain(secret)
    expect(await lab.json('volume update copy --no-chap')).toMatchObject({ chap: false })
    expect(await readdir(folder)).toEqual([])
  })

  it('resizes upwards, and says what is left to do', async () => {
    expect(await lab.json('volume resize copy 2G')).toMatchObject({
      toBytes: 2 ** 31,
      filesystemGrown: false,
      remaining: [expect.stringContaining('acs volume mount copy')],
    })
    expect(await lab.json('volume resize copy +1G')).toMatchObject({ toBytes: 3 * 2 ** 30 })
    expect(await lab.failure('volume resize copy 1G')).toMatchObject({ exit: 2, code: 'EACSSHRINK' })
  })

  it('deletes only what is ours, unless told, by the name typed back', async () => {
    const [container] = await lab.prism.storageContainers()
    const disks = [{ sizeBytes: 2 ** 20, storageContainerUuid: container!.uuid }]
    await lab.prism.createVolumeGroup({ name: 'by hand', description: 'someone else', disks })
    expect(await lab.failure('volume delete "by hand" --yes')).toMatchObject({ exit: 5, code: 'EACSFOREIGN' })
    expect(await lab.failure('volume delete "by hand" --foreign --confirm byhand')).toMatchObject({
      exit: 2,
      code: 'EACSCONFIRM',
    })
    expect(await lab.failure('volume delete "by hand" --foreign')).toMatchObject({ exit: 2, code: 'EACSNOINPUT' })
    await lab.json('volume delete "by hand" --foreign --confirm "by hand"')
    await lab.json('volume delete copy --confirm copy')
    expect((await lab.prism.volumeGroups()).map((group) => group.name)).not.toContain('copy')
  })

  it('finds duplicates a conflict, and takes a UUID for a name', async () => {
    const twins = await startVolumeLab({ behaviour: { uniqueNames: false } })
    try {
      const [container] = await twins.prism.storageContainers()
      const disks = [{ sizeBytes: 2 ** 20, storageContainerUuid: container!.uuid }]
      const first = await twins.prism.createVolumeGroup({ name: 'twin', disks })
      const second = await twins.prism.createVolumeGroup({ name: 'twin', disks })
      const failed = await twins.failure('volume show twin')
      expect(failed).toMatchObject({ exit: 5, code: 'EACSDUPLICATE' })
      expect(failed.message).toContain(first.uuid)
      expect(failed.message).toContain(second.uuid)
      expect(await twins.json(`volume show ${second.uuid}`)).toMatchObject({ uuid: second.uuid, name: 'twin' })
    } finally {
      await twins.close()
    }
  })
})
