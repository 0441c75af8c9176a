import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkSnapshotName,
  checkVolumeName,
  isUuid,
  parseSnapshotReference,
  printable,
  snapshotGroupName,
  uuidForName,
} from '../../../src/lib/volume/names.js'
import { portalAddress, targetName } from '../../../src/lib/volume/target-name.js'

describe('names', () => {
  it.each(['db', 'a', '0', 'web-data_1.old', 'x'.repeat(190)])('%s can name a volume', (name) => {
    expect(checkVolumeName(name)).toBe(name)
  })

  it.each([
    ['empty', ''],
    ['a path', '../x'],
    ['300 characters', 'x'.repeat(300)],
    ['a control character', 'a\u0007b'],
    ['right-to-left override', 'a\u202eb'],
    ['a snapshot', 'db@one'],
    ['a leading dash', '-x'],
    ['a space', 'a b'],
    ['a line break at the end', 'db\n'],
    ['a UUID', 'c78fea63-0000-4000-8000-000000000001'],
  ])('%s cannot', (_what, name) => {
    expect(() => checkVolumeName(name)).toThrow(expect.objectContaining({ kind: 'usage', code: 'EACSNAME' }))
  })

  it('fit together with a snapshot name into what Prism takes', () => {
    const group = snapshotGroupName(checkVolumeName('v'.repeat(190)), checkSnapshotName('s'.repeat(64)))
    expect(group).toHaveLength(255)
    expect(parseSnapshotReference(group)).toEqual({ volume: 'v'.repeat(190), snapshot: 's'.repeat(64) })
  })

  it.each(['db', '@x', 'db@', ''])('%s is no snapshot reference', (text) => {
    expect(() => parseSnapshotReference(text)).toThrow(/VOLUME@SNAPSHOT|does not name/)
  })

  it('are never shown with anything that moves a terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(printable(name)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      }),
    )
    expect(printable('a\u001b[31mb')).toBe('a\\u{1b}[31mb')
  })

  it('give one UUID per cluster, name and generation', () => {
    const cluster = '0006411c-0286-bc71-9f02-0123456789ab'
    const one = uuidForName(cluster, 'db', 0)
    expect(isUuid(one)).toBe(true)
    expect(one).toMatch(/^.{14}4.{4}[89ab]/)
    expect(uuidForName(cluster, 'db', 0)).toBe(one)
    expect(
      new Set([one, uuidForName(cluster, 'db', 1), uuidForName(cluster, 'db2', 0), uuidForName('x', 'db', 0)]).size,
    ).toBe(4)
  })
})

describe('targets and portals', () => {
  it('put the prefix back that Prism leaves out', () => {
    expect(targetName({ iscsiTarget: 'db-123' })).toBe('iqn.2010-06.com.nutanix:db-123')
    expect(targetName({ iscsiTarget: 'iqn.2010-06.com.nutanix:db-123' })).toBe('iqn.2010-06.com.nutanix:db-123')
  })

  it.each([
    ['10.0.0.5', '10.0.0.5:3260'],
    ['10.0.0.5:3205', '10.0.0.5:3205'],
    ['dsip.example', 'dsip.example:3260'],
    ['fd00::5', '[fd00::5]:3260'],
    ['[fd00::5]:3205', '[fd00::5]:3205'],
  ])('%s is the portal %s', (address, portal) => {
    expect(portalAddress(address)).toBe(portal)
  })

  it.each(['', 'a b', 'host:0', 'host:99999', 'http://host'])('%s is no portal', (address) => {
    expect(() => portalAddress(address)).toThrow(/not the address/)
  })
})
