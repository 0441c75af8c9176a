import { describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { assertMkfsOptions, checkFilesystem } from '../../../src/lib/host/filesystem.js'
import type { FilesystemType, Runner } from '../../../src/lib/host/host.js'
import { mountOptions, parseUsage } from '../../../src/lib/host/mount.js'

describe('mkfs options', () => {
  it.each<[FilesystemType, string[]]>([
    ['ext4', ['-F']],
    ['ext4', ['-FF']],
    ['ext4', ['-qF']],
    ['ext4', ['-b', '4096', '-F']],
    ['ext4', ['-L', 'mine']],
    ['ext4', ['/dev/sda']],
    ['ext4', ['-n']],
    ['ext4', ['-d', 'etc']],
    ['ext4', ['-z', 'undo']],
    ['ext4', ['-J', 'device=LABEL=log']],
    ['ext4', ['dev/sda']],
    ['xfs', ['-f']],
    ['xfs', ['-m', 'uuid=6f3c']],
    ['xfs', ['-l', 'logdev=/dev/sda,size=64m']],
    ['xfs', ['-r', 'rtdev=dev/sda']],
    ['xfs', ['-d', 'file,name=image']],
    ['xfs', ['-p', 'proto']],
    ['xfs', ['-c', 'options=config']],
    ['btrfs', ['-f']],
    ['btrfs', ['dev/sda']],
    ['btrfs', ['--force']],
    ['btrfs', ['--rootdir=/etc']],
  ])('%s refuses %j', (type, options) => {
    expect(() => assertMkfsOptions(type, options)).toThrow(expect.objectContaining({ code: 'EACSMKFSOPTION' }))
  })

  it.each<[FilesystemType, string[]]>([
    ['ext4', ['-O', '^has_journal', '-b', '4096', '-i', '65536']],
    ['xfs', ['-m', 'reflink=1', '-d', 'su=64k,sw=1']],
    ['btrfs', ['-O', 'quota', '--metadata', 'dup']],
  ])('%s takes %j', (type, options) => {
    expect(() => assertMkfsOptions(type, options)).not.toThrow()
  })
})

describe('mount options', () => {
  it('takes plain ones and puts rw or ro first', () => {
    expect(mountOptions({ options: ['noatime', 'commit=30'] })).toEqual(['rw', 'noatime', 'commit=30'])
    expect(mountOptions({ readOnly: true })).toEqual(['ro'])
  })

  it.each(['noatime,bind', 'bind', 'remount', 'ro', 'loop=/dev/loop1', 'x y', '', 'a\nb', 'offset=1', 'suid\0'])(
    'refuses %j',
    (option) => {
      expect(() => mountOptions({ options: [option] })).toThrow(expect.objectContaining({ code: 'EACSMOUNTOPTION' }))
    },
  )
})

describe('e2fsck policy', () => {
  const exits = (exitCode: number): Runner => ({
    run: () => Promise.resolve({ exitCode, stdout: 'words', stderr: '' }),
  })
  it.each([
    [0, 0],
    [1, 1],
    [2, 1],
    [3, 1],
  ])('goes on at exit %i with %i warnings', async (exitCode, warnings) => {
    expect(await checkFilesystem(exits(exitCode), '/dev/x', 'ext4', deadlineIn(1_000))).toHaveLength(warnings)
  })
  it.each([4, 5, 6, 8, 12, 16, 32, 128])('refuses at exit %i', async (exitCode) => {
    await expect(checkFilesystem(exits(exitCode), '/dev/x', 'ext4', deadlineIn(1_000))).rejects.toMatchObject({
      code: 'EACSFSCK',
    })
  })
  it('leaves xfs to its log', async () => {
    const never: Runner = { run: () => Promise.reject(new Error('ran')) }
    expect(await checkFilesystem(never, '/dev/x', 'xfs', deadlineIn(1_000))).toEqual([])
  })
})

describe('parseUsage', () => {
  it('counts in bytes', () => {
    expect(parseUsage('4096 1000 400 350\n')).toEqual({
      sizeBytes: 4_096_000,
      usedBytes: 2_457_600,
      availableBytes: 1_433_600,
    })
    expect(() => parseUsage('stat: cannot')).toThrow(expect.objectContaining({ code: 'EACSPROBE' }))
  })
})
