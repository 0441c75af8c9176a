import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  mountAt,
  mountsOfDevice,
  parseMountinfo,
  parseMountinfoWithoutEchoes,
  unescapeMountField,
} from '../../../src/lib/host/mountinfo.js'

const captured = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
42 27 0:39 / /run/acs/disks/0123/export rw,nosuid,nodev,relatime - fuse /dev/fuse rw,user_id=0,group_id=0,default_permissions
61 27 7:0 / /mnt/with\\040blank rw,noatime shared:7 master:2 propagate_from:1 - ext4 /dev/loop0 rw
62 27 7:1 / /mnt/with\\040blank ro,relatime - xfs /dev/loop1 ro,attr2
63 27 0:45 /sub /data rw,relatime - btrfs /dev/loop2 rw,space_cache=v2
`

describe('parseMountinfo', () => {
  it('reads what a kernel wrote, optional fields and escapes included', () => {
    const entries = parseMountinfo(captured)
    expect(entries).toHaveLength(6)
    expect(entries[3]).toEqual({
      mountPoint: '/mnt/with blank',
      deviceNumber: '7:0',
      source: '/dev/loop0',
      filesystem: 'ext4',
      root: '/',
      options: ['rw', 'noatime'],
    })
    expect(entries[5]?.root).toBe('/sub')
  })

  it('sees the mount on top, and finds btrfs by its device', () => {
    const entries = parseMountinfo(captured)
    expect(mountAt(entries, '/mnt/with blank')?.deviceNumber).toBe('7:1')
    expect(mountAt(entries, '/mnt')).toBeUndefined()
    const btrfs = { deviceNumber: '7:2', devicePath: '/dev/loop2' }
    expect(mountsOfDevice(entries, btrfs).map((entry) => entry.mountPoint)).toEqual(['/data'])
    expect(mountsOfDevice(entries, { deviceNumber: '0:21' })).toHaveLength(1)
  })

  it('undoes what the kernel escapes, for any name', () => {
    const escape = (text: string): string =>
      [...Buffer.from(text)]
        .map((byte) => ([9, 10, 32, 92].includes(byte) ? `\\${byte.toString(8).padStart(3, '0')}` : byte))
        .reduce<Buffer>(
          (all, part) => Buffer.concat([all, Buffer.from(typeof part === 'string' ? part : [part])]),
          Buffer.alloc(0),
        )
        .toString()
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        fc.pre(!name.includes('\0'))
        const escaped = escape(name)
        expect(unescapeMountField(escaped)).toBe(Buffer.from(name).toString())
        const [entry] = parseMountinfo(`1 2 7:9 / /${escaped} rw shared:3 - ext4 ${escaped} rw`)
        expect(entry?.mountPoint).toBe(`/${Buffer.from(name).toString()}`)
      }),
    )
  })

  it('throws at nothing', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseMountinfo(text))))
    expect(parseMountinfo('1 2 x:y / /a rw - ext4 /dev/a rw\n1 2 3:4 / /b rw shared:1\n\n')).toEqual([])
  })
})

describe('parseMountinfoWithoutEchoes', () => {
  // A managed plugin's volume, on dockerd 20.10: Docker's folder follows /mnt/acs.
  const docker = '/var/lib/docker/plugins/4250c401dc11/propagated-mount'
  const table = `48 42 254:0 ${docker} ${docker} rw,relatime - ext4 /dev/vda rw
58 27 254:0 /mnt/acs /mnt/acs rw,relatime shared:4 - ext4 /dev/vda rw
59 48 254:0 /mnt/acs ${docker} rw,relatime master:4 - ext4 /dev/vda rw
100 58 7:0 / /mnt/acs/v1 rw,relatime shared:7 - ext4 /dev/loop0 rw
101 59 7:0 / ${docker}/v1 rw,relatime master:7 - ext4 /dev/loop0 rw
`
  const points = (text: string): string[] => parseMountinfoWithoutEchoes(text).map(({ mountPoint }) => mountPoint)

  it('leaves out what follows another mount of the table', () => {
    expect(points(table)).toEqual([docker, '/mnt/acs', '/mnt/acs/v1'])
  })

  it('keeps what follows a mount of another namespace, and copies of equal rank', () => {
    expect(points(table.replaceAll('master:7', 'master:9'))).toContain(`${docker}/v1`)
    expect(points(table.replaceAll('master:7', 'shared:7'))).toContain(`${docker}/v1`)
    expect(points(table.replaceAll('master:7', 'shared:8 master:7'))).not.toContain(`${docker}/v1`)
  })
})
