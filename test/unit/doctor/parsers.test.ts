import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseContainersConf } from '../../../src/lib/doctor/containers-conf.js'
import { parseMultipathConfig } from '../../../src/lib/doctor/multipath.js'
import { parseSettings } from '../../../src/lib/doctor/open-iscsi.js'
import { isAtLeast, versionIn } from '../../../src/lib/doctor/versions.js'
import { establishedInodes } from '../../../src/lib/host/connections.js'
import { listOf, parseUnit, settingOf } from '../../../src/lib/host/systemd-unit.js'

/** What real tools printed, or files that they wrote; see captured/README.md. */
function captured(name: string): string {
  return readFileSync(new URL(`captured/${name}`, import.meta.url), 'utf8')
}

describe('versionIn', () => {
  // Debian 12's tools, as they answered.
  it.each([
    ['mke2fs 1.47.0 (5-Feb-2023)\n\tUsing EXT2FS Library version 1.47.0\n', '1.47.0'],
    ['mkfs.xfs version 6.1.0\n', '6.1.0'],
    ['mkfs.btrfs, part of btrfs-progs v6.2\n', '6.2'],
    ['blkid from util-linux 2.38.1  (libblkid 2.38.1, 04-Aug-2022)\n', '2.38.1'],
    ['mount from util-linux 2.38.1 (libmount 2.38.1: selinux, smack, btrfs)\n', '2.38.1'],
    ['qemu-storage-daemon version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n', '7.2.22'],
    ['fusermount3 version: 3.14.0\n', '3.14.0'],
    ['Docker version 20.10.24+dfsg1, build 5d6db84\n', '20.10.24+dfsg1'],
    ['podman version 4.3.1\n', '4.3.1'],
    ['iscsi-inq: unrecognized option\n', undefined],
  ])('of %j is %s', (text, version) => {
    expect(versionIn(text)).toBe(version)
  })

  it.each([
    ['20.10.24+dfsg1', '18.03', true],
    ['18.03.1-ce', '18.03', true],
    ['17.12.1-ce', '18.03', false],
    ['1.13.1', '18.03', false],
    ['20.19.0', '20.19', true],
    ['20.9.0', '20.19', false],
    ['22.1.0', '20.19', true],
  ])('%s is at least %s: %s', (version, least, is) => {
    expect(isAtLeast(version, least)).toBe(is)
  })
})

describe('parseSettings', () => {
  it('reads a node record of open-iscsi 2.1.8', () => {
    const settings = parseSettings(captured('node-record.txt'))
    expect(settings.get('node.startup')).toBe('manual')
    expect(settings.get('node.session.timeo.replacement_timeout')).toBe('120')
    expect(settings.get('node.conn[0].address')).toBe('10.0.0.5')
    expect(settings.size).toBeGreaterThan(50)
  })

  it("reads Debian's iscsid.conf", () => {
    expect(parseSettings(captured('iscsid.conf')).get('iscsid.startup')).toBe('/bin/systemctl start iscsid.socket')
  })
})

describe('parseMultipathConfig', () => {
  it('reads what multipath -t of 0.9.4 prints', () => {
    const config = parseMultipathConfig(captured('multipath-t-nutanix.txt'))
    const [defaults, blacklist, exceptions, devices] = config.blocks
    expect(defaults?.values.get('find_multipaths')).toEqual(['off'])
    expect(defaults?.values.get('no_path_retry')).toEqual(['queue'])
    expect(blacklist?.values.get('devnode')).toEqual(['^sda$', '!^(sd[a-z]|dasd[a-z]|nvme[0-9])'])
    expect(blacklist?.blocks[0]?.values.get('vendor')).toEqual(['NUTANIX'])
    expect(exceptions?.name).toBe('blacklist_exceptions')
    expect(devices?.blocks.map(({ values }) => values.get('product'))).toContainEqual(['Xserve RAID'])
  })
})

describe('parseUnit', () => {
  const text =
    '[Unit]\nBefore=docker.service a.service\nBefore=b.service \\\n  c.service\n; no\n[Service]\nExecStart=/a\nExecStart=\nExecStart=/b = c\n'

  it('adds values up, goes on after a backslash, and forgets at an empty one', () => {
    const unit = parseUnit(text)
    expect(listOf(unit, 'Unit', 'Before')).toEqual(['docker.service', 'a.service', 'b.service', 'c.service'])
    expect(unit.get('Service')?.get('ExecStart')).toEqual(['/b = c'])
    expect(settingOf(unit, 'Service', 'KillMode')).toBeUndefined()
  })

  it('lets drop-ins go last', () => {
    expect(settingOf(parseUnit(text, '[Service]\nKillMode=process\n'), 'Service', 'KillMode')).toBe('process')
  })
})

describe('parseContainersConf', () => {
  it("finds nothing in Debian's own file, where all is commented out", () => {
    expect(parseContainersConf(captured('containers.conf'))).toEqual({ plugins: {} })
  })

  it('reads tables, quoted keys and inline tables, and lets later files win', () => {
    expect(
      parseContainersConf(
        '[engine]\nvolume_plugin_timeout = 5 # seconds\n[engine.volume_plugins]\nnutanix = "/run/docker/plugins/nutanix.sock"\n',
        '[ engine ]\nvolume_plugin_timeout=120\nvolume_plugins = {"a-b" = "/a", c = \'/c\'}\n[containers]\nvolume_plugin_timeout = 1\n',
        '[engine."volume_plugins"]\n"d.e" = "/d" # new\n',
      ),
    ).toEqual({
      timeout: 120,
      plugins: { nutanix: '/run/docker/plugins/nutanix.sock', 'a-b': '/a', c: '/c', 'd.e': '/d' },
    })
  })
})

describe('establishedInodes', () => {
  it('reads the tables of the kernel, and leaves out listening and closing sockets', () => {
    expect(establishedInodes(captured('proc-net-tcp.txt'))).toEqual(['456322', '456323'])
  })
})
