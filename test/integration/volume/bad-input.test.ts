import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { VolumeGroup } from '../../../src/lib/prism/prism.js'
import { startVolumeLab, type VolumeLab } from './lab.js'

let lab: VolumeLab
let before: VolumeGroup[]
beforeAll(async () => {
  lab = await startVolumeLab({ containerCapacityBytes: 2 ** 32 })
  await lab.json('volume create db --size 1M')
  before = await lab.prism.volumeGroups()
})
afterAll(() => lab.close())

const rows: [what: string, command: string, exit: number, code: string, says: RegExp][] = [
  ['unknown flag', 'volume create x --size 1G --sice 2G', 2, 'EACS', /sice/],
  ['size without meaning', 'volume create x --size 10X', 2, 'EACSSIZE', /10X/],
  ['negative size', 'volume create x --size=-1', 2, 'EACSSIZE', /-1/],
  ['size 0', 'volume create x --size 0', 2, 'EACSSIZE', /at least 1M/],
  ['size above 64 TiB', 'volume create x --size 65T', 2, 'EACSSIZE', /64T/],
  ['no size', 'volume create x', 2, 'EACSUSAGE', /--size/],
  ['empty name', 'volume create "" --size 1G', 2, 'EACS', /empty/],
  ['path as name', 'volume create ../x --size 1G', 2, 'EACSNAME', /\.\.\/x/],
  ['300 characters', `volume create ${'x'.repeat(300)} --size 1G`, 2, 'EACSNAME', /300 characters/],
  ['unicode control in a name', 'volume create a\u202eb --size 1G', 2, 'EACSNAME', /a\\u\{202e\}b/],
  ['unknown container', 'volume create x --size 1G --container nope', 3, 'EACSNOCONTAINER', /nope.*/],
  ['duplicate name', 'volume create db --size 1M', 5, 'EACSEXISTS', /already/],
  ['full container', 'volume create x --size 5G', 1, 'EACS', /NO_SPACE|free space/],
  ['unknown volume', 'volume show dbb', 3, 'EACSNOTFOUND', /dbb/],
  ['bad owner', 'volume create x --size 1G --owner root', 2, 'EACSOWNER', /UID:GID|root/],
  ['bad mode', 'volume create x --size 1G --mode 9999', 2, 'EACSMODE', /9999/],
  ['forced mkfs', 'volume create x --size 1G --mkfs-options -F', 2, 'EACSOPTIONS', /force/],
  [
    'long description',
    `volume create x --size 1G --description ${'y'.repeat(990)}`,
    2,
    'EACSDESCRIPTION',
    /characters/,
  ],
  ['no initiator name', 'volume attach db --initiator nonsense', 2, 'EACSINITIATOR', /nonsense/],
  ['two places to mount at', 'volume mount db /srv/a --path /srv/b', 2, 'EACSUSAGE', /\/srv\/a.*\/srv\/b/],
  ['a relative place to mount at', 'volume mount db srv', 2, 'EACSMOUNTPOINT', /not an absolute path/],
  ['a snapshot of nothing', 'volume snapshot restore db', 2, 'EACSNAME', /snapshot/],
  ['unknown snapshot', 'volume snapshot restore db@never --yes', 3, 'EACSNOTFOUND', /db@never/],
  ['format without saying so', 'volume format db', 2, 'EACSUSAGE', /--i-know/],
]

describe('bad input is told clearly, with its exit code, and nothing is changed', () => {
  it.each(rows)('%s', async (_what, command, exit, code, says) => {
    const failure = await lab.failure(command)
    expect(failure).toMatchObject({ exit, code: expect.stringContaining(code) as string })
    expect(failure.message + failure.hints.join('\n')).toMatch(says)
    expect(await lab.prism.volumeGroups()).toEqual(before)
  })

  it('wrong password', async () => {
    const passwordFile = join(lab.folder, 'wrong-password')
    await writeFile(passwordFile, 'wrong\n', { mode: 0o600 })
    expect(await lab.failure('volume list', { ACS_PASSWORD_FILE: passwordFile })).toMatchObject({ exit: 4 })
  })

  it('unreachable endpoint', async () => {
    const failure = await lab.failure('volume list --timeout 20s', { ACS_ENDPOINT: 'https://127.0.0.1:1' })
    expect(failure).toMatchObject({ exit: 6 })
    expect(failure.message).toContain('127.0.0.1:1')
  })

  it('self-signed certificate', async () => {
    const failure = await lab.failure('volume list', { ACS_FINGERPRINT: '' })
    expect(failure.exit).not.toBe(0)
    expect(failure.code).toBe('EACSCERTIFICATE')
  })

  it('a session that expires in the middle of a task goes unnoticed', async () => {
    lab.simulator.addFault({ kind: 'expire-session', match: 'GET /tasks/*' })
    expect(await lab.json('volume create during --size 1M')).toMatchObject({ created: true })
    await lab.json('volume delete during --yes')
  })

  it('a task that fails leaves nothing behind, and says why in the words of Prism', async () => {
    lab.simulator.addFault({
      kind: 'task-failure',
      match: 'VolumeGroupCreate',
      message: 'the dog ate it',
      atPercent: 50,
    })
    const failure = await lab.failure('volume create x --size 1M')
    expect(failure).toMatchObject({ exit: 1, code: 'EACSTASKFAILED' })
    expect(failure.message).toContain('the dog ate it')
    expect(await lab.prism.volumeGroups()).toEqual(before)
  })

  it('a failed clone leaves nothing behind', async () => {
    lab.simulator.addFault({ kind: 'task-failure', match: 'VolumeGroupClone', message: 'no' })
    expect(await lab.failure('volume snapshot create db now')).toMatchObject({ exit: 1, code: 'EACSTASKFAILED' })
    expect(await lab.prism.volumeGroups()).toEqual(before)
    expect(await lab.json('volume snapshot create db now')).toMatchObject({ name: 'db@now' })
    await lab.json('volume snapshot delete db@now --yes')
  })
})
