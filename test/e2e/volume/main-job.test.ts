import { randomBytes } from 'node:crypto'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canMount, checksum, startMountedLab, type MountedLab } from './mounted-lab.js'

describe.skipIf(!canMount('volumes, mounted'))('a volume, from the command line to a file and back', () => {
  let lab: MountedLab
  beforeAll(async () => {
    lab = await startMountedLab()
  })
  afterEach(async () => {
    await lab.clean()
  })
  afterAll(() => lab.close())

  it('keeps a file over unmount and mount', async () => {
    await lab.json('volume create db --size 64M --owner 1234:4321 --mode 0750')
    const place = lab.place('db')
    const mounted = await lab.json(`volume mount db --path ${place}`)
    expect(mounted).toMatchObject({ mountPoint: place, formatted: true, changed: true, state: 'attached' })
    expect(await stat(place)).toMatchObject({ uid: 1234, gid: 4321 })
    expect((await stat(place)).mode & 0o7777).toBe(0o750)
    await writeFile(join(place, 'file'), randomBytes(5_000_000))
    const written = await checksum(join(place, 'file'))

    expect(await lab.json(`volume mount db --path ${place}`)).toMatchObject({ changed: false })
    expect(await lab.failure('volume detach db')).toMatchObject({ exit: 5, code: 'EACSMOUNTED' })
    expect(await lab.json('volume explain db')).toMatchObject({ state: 'mounted' })
    expect(await lab.json('volume unmount db')).toMatchObject({ changed: true, mountPoints: [place], state: 'free' })
    expect(await lab.leftovers()).toEqual([])
    expect(existsSync(join(place, 'file'))).toBe(false)
    expect(await lab.json('volume unmount db')).toMatchObject({ changed: false })

    const again = await lab.json(`volume mount db --path ${place} --read-only`)
    expect(again).toMatchObject({ formatted: false, changed: true })
    expect(await checksum(join(place, 'file'))).toBe(written)
    await expect(writeFile(join(place, 'no'), '')).rejects.toThrow(/EROFS/)
    await lab.json('volume unmount db')
    expect(await lab.leftovers()).toEqual([])
  })

  it('mounts at /mnt/acs/NAME, and takes the folder away again', async () => {
    const name = `acs-test-${randomBytes(4).toString('hex')}`
    const wasThere = existsSync('/mnt/acs')
    await lab.json(`volume create ${name} --size 64M`)
    const { stdout } = await lab.run(`volume mount ${name}`)
    expect(stdout).toBe(`/mnt/acs/${name}\n`)
    await lab.json(`volume unmount ${name}`)
    expect(existsSync(`/mnt/acs/${name}`)).toBe(false)
    // acs keeps the folder of its mount points; this machine need not have had one.
    if (!wasThere) await rmdir('/mnt/acs')
  })

  it('attaches without mounting, prints the device, and refuses a busy place', async () => {
    await lab.json('volume create raw --size 64M')
    const { stdout } = await lab.run('volume attach raw')
    expect(stdout).toMatch(/^\/dev\/\w+\n$/)
    expect(await lab.json('volume attach raw')).toMatchObject({ changed: false, device: stdout.trim() })
    expect(await lab.failure(`volume mount raw --path ${lab.folder}`)).toMatchObject({
      exit: 5,
      code: 'EACSMOUNTPOINT',
    })
    expect(await lab.json('volume detach raw')).toMatchObject({ changed: true })
    expect(await lab.leftovers()).toEqual([])
  })

  it('asks for CHAP, with the secret this machine keeps', async () => {
    await lab.json('volume create secret --size 64M --chap')
    const place = lab.place('secret')
    await lab.json(`volume mount secret --path ${place}`)
    await lab.json('volume unmount secret')
    const other = { ACS_STATE_DIR: join(lab.folder, 'other-state'), ACS_RUN_DIR: join(lab.folder, 'other-run') }
    expect(await lab.failure(`volume mount secret --path ${place}`, other)).toMatchObject({
      exit: 8,
      code: 'EACSNOSECRET',
    })
    const wrong = join(lab.folder, 'wrong-secret')
    await writeFile(wrong, 'wrongwrongwrong\n', { mode: 0o600 })
    expect(await lab.failure(`volume attach secret --chap-secret-file ${wrong}`, other)).not.toMatchObject({ exit: 0 })
    expect(await lab.json('volume show secret')).toMatchObject({ state: 'free', chap: true })
    expect(await lab.leftovers()).toEqual([])
  })

  it('is taken over by another machine, and the first one finds out', async () => {
    const other = { ACS_STATE_DIR: join(lab.folder, 'other-state'), ACS_RUN_DIR: join(lab.folder, 'other-run') }
    const [here, there] = [lab.place('moved'), lab.place('moved-there')]
    await lab.json('volume create moved --size 64M')
    await lab.json(`volume mount moved --path ${here}`)
    await writeFile(join(here, 'file'), 'from the first')
    // Not the synchronous one: the simulator that serves the disk lives in this process.
    await promisify(execFile)('sync', ['-f', here])

    const held = await lab.failure(`volume mount moved --path ${there}`, other)
    expect(held).toMatchObject({ exit: 5, code: 'EACSHELD' })
    await lab.json(`volume mount moved --path ${there} --take-over --yes`, other)
    expect(await readFile(join(there, 'file'), 'utf8')).toBe('from the first')
    expect(await lab.failure(`volume mount moved --path ${here}`)).toMatchObject({ exit: 5, code: 'EACSFENCED' })
    expect(await lab.json('volume explain moved')).toMatchObject({ state: 'fenced' })
    expect(await lab.run('volume unmount moved')).toMatchObject({ code: 0 })
    expect(await lab.json('volume show moved')).toMatchObject({ state: 'attached' })
    await lab.json('volume unmount moved', other)
    expect(await lab.leftovers()).toEqual([])
  })

  it('never formats what it did not make, and formats anew when told by name', async () => {
    const [container] = await lab.prism.storageContainers()
    const disks = [{ sizeBytes: 64 * 2 ** 20, storageContainerUuid: container!.uuid }]
    await lab.prism.createVolumeGroup({ name: 'foreign', disks })
    const place = lab.place('foreign')
    expect(await lab.failure(`volume mount foreign --path ${place}`)).toMatchObject({
      exit: 5,
      code: 'EACSNOFILESYSTEM',
    })
    expect(await lab.leftovers()).toEqual([])
    expect(await lab.failure('volume format foreign --i-know')).toMatchObject({ exit: 2, code: 'EACSNOINPUT' })
    expect(await lab.json('volume format foreign --i-know --confirm foreign')).toMatchObject({
      was: 'empty',
      filesystem: 'ext4',
    })
    expect(await lab.leftovers()).toEqual([])
    expect(await lab.json(`volume mount foreign --path ${place}`)).toMatchObject({ formatted: false })
    await lab.json('volume unmount foreign')
  })
})
