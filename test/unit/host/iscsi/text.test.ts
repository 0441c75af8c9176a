import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AcsError } from '../../../../src/lib/base/errors.js'
import { loginError, parseCapacity, parseUnitSerial, sameSerial } from '../../../../src/lib/host/iscsi/identity.js'
import { isIscsiName, parseInitiatorName } from '../../../../src/lib/host/iscsi/initiator-name.js'
import { exitMeanings, iscsiadmError, withSettings } from '../../../../src/lib/host/iscsi/iscsiadm.js'
import { parsePortal } from '../../../../src/lib/host/iscsi/portal.js'
import { parseVpdSerial } from '../../../../src/lib/host/iscsi/scsi-device.js'
import { parseStartTime } from '../../../../src/lib/host/processes.js'

const target = { portal: '10.0.0.5:3260', targetName: 'iqn.2010-06.com.nutanix:db' }
const failed = (exitCode: number, stderr: string): AcsError =>
  new AcsError('failed', 'EACSCOMMAND', `exited with ${exitCode}: ${stderr}`, { details: { exitCode, stderr } })

describe('parsePortal', () => {
  it.each([
    ['10.0.0.5:3260', '10.0.0.5', 3260],
    ['10.0.0.5', '10.0.0.5', 3260],
    ['[2001:db8::5]:3205', '2001:db8::5', 3205],
    ['[::1]', '::1', 3260],
    ['dsip.example.com:3260', 'dsip.example.com', 3260],
  ])('%s', (portal, host, port) => {
    expect(parsePortal(portal)).toEqual({ host, port })
  })
  it.each(['', ':3260', '2001:db8::5:3260', 'a:0', 'a:99999', 'a b:1', '[::1', 'a,b:1'])('refuses %j', (portal) => {
    expect(() => parsePortal(portal)).toThrow(expect.objectContaining({ code: 'EACSPORTALADDRESS' }))
  })
})

describe('libiscsi', () => {
  it('tells serial and capacity', () => {
    expect(parseUnitSerial('Unit Serial Number:[                          abcdef0123]\n')).toBe('abcdef0123')
    expect(parseUnitSerial('Page:0x00 SUPPORTED_VPD_PAGES\n')).toBeUndefined()
    const captured = 'RETURNED LOGICAL BLOCK ADDRESS:524287\nLOGICAL BLOCK LENGTH IN BYTES:512\nP_TYPE:0 PROT_EN:0\n'
    expect(parseCapacity(captured)).toEqual({ sectorBytes: 512, sizeBytes: 268_435_456 })
    expect(parseCapacity('')).toBeUndefined()
  })

  it('compares serials without dashes and case, and never takes two absent ones for equal', () => {
    fc.assert(fc.property(fc.uuid(), (uuid) => sameSerial(uuid, uuid.replaceAll('-', '').toUpperCase())))
    expect(sameSerial('', '')).toBe(false)
    expect(sameSerial('-', ' ')).toBe(false)
  })

  it.each([
    ['Login Failed. Failed to log in to target. Status: Target not found(515)', 'EACSNOTALLOWED'],
    ['Login Failed. Failed to log in to target. Status: Authorization failure(514)', 'EACSNOTALLOWED'],
    ['Login Failed. Failed to log in to target. Status: Authentication failure(513)', 'EACSCHAP'],
    ['iscsi_service failed with : iscsi_service_reconnect_if_loggedin. Can not reconnect right now.', 'EACSPORTALDOWN'],
    ['something else', 'EACSLOGIN'],
  ])('"%s" is %s', (words, code) => {
    expect(loginError(failed(10, words), target, 'iqn.x:me')).toMatchObject({ code })
  })
})

describe('iscsiadm', () => {
  it.each([
    [4, 'EACSPORTALDOWN', 'timeout'],
    [6, 'EACSNODEDB', 'failed'],
    [8, 'EACSPORTALDOWN', 'timeout'],
    [11, 'EACSPORTALDOWN', 'timeout'],
    [15, 'EACSSESSION', 'conflict'],
    [19, 'EACSNOTALLOWED', 'auth'],
    [20, 'EACSISCSID', 'precondition'],
    [21, 'EACSNOSESSION', 'not-found'],
    [24, 'EACSCHAP', 'auth'],
    [99, 'EACSLOGIN', 'failed'],
  ])('exit code %i is %s (%s)', (exitCode, code, kind) => {
    expect(iscsiadmError(failed(exitCode, 'iscsiadm: words'), target)).toMatchObject({ code, kind })
    expect(Object.keys(exitMeanings).length).toBeGreaterThan(8)
  })

  it('leaves other errors alone', () => {
    const other = new AcsError('timeout', 'EACSTIMEOUT', 'late')
    expect(iscsiadmError(other, target)).toBe(other)
  })

  it('changes a node record in place, whatever is asked, and once', () => {
    const record =
      '# BEGIN RECORD 2.1.8\nnode.name = iqn\nnode.startup = automatic\nnode.session.scan = auto\n# END RECORD\n'
    const wanted = { 'node.startup': 'manual', 'node.session.auth.password': 'a = b' }
    const changed = withSettings(record, wanted)
    expect(changed).toBe(
      '# BEGIN RECORD 2.1.8\nnode.name = iqn\nnode.startup = manual\nnode.session.scan = auto\nnode.session.auth.password = a = b\n# END RECORD\n',
    )
    expect(withSettings(changed, wanted)).toBe(changed)
  })
})

describe('names', () => {
  it('reads initiatorname.iscsi past its comments', () => {
    expect(parseInitiatorName('## InitiatorName=iqn.no\nInitiatorName=iqn.1993-08.org.debian:01:ab\n')).toBe(
      'iqn.1993-08.org.debian:01:ab',
    )
    expect(parseInitiatorName('GenerateName=yes\n')).toBeUndefined()
  })
  it.each(['iqn.2026-01.io.acs:h', 'eui.02004567A425678D', 'naa.52004567BA64678D'])('knows %s', (name) => {
    expect(isIscsiName(name)).toBe(true)
  })
  it.each(['', 'iqn', 'iqn.2026-01.io.acs:a b', 'iqn.2026-01.a,b', `iqn.2026-01.${'a'.repeat(220)}`])(
    'refuses %j',
    (name) => {
      expect(isIscsiName(name)).toBe(false)
    },
  )
})

describe('kernel files', () => {
  it('reads VPD page 0x80 and nothing else', () => {
    const serial = '6f3c0d29-0a8b-4f2e-9a3c-3a8e7a5f0c11'
    const page = Buffer.concat([Buffer.from([0, 0x80, 0, serial.length]), Buffer.from(serial)])
    expect(parseVpdSerial(page)).toBe(serial)
    expect(parseVpdSerial(page.subarray(0, 20))).toBeUndefined()
    expect(parseVpdSerial(Buffer.concat([Buffer.from([0, 0x83, 0, 4]), Buffer.from('abcd')]))).toBeUndefined()
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) =>
        ['string', 'undefined'].includes(typeof parseVpdSerial(Buffer.from(bytes))),
      ),
    )
  })

  it('reads the start time behind any process name, and takes a zombie for gone', () => {
    const rest = '1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 2588672 193'
    expect(parseStartTime(`42 (a) R (b) S ${rest}`)).toBe('987654')
    expect(parseStartTime(`42 (gone) Z ${rest}`)).toBeUndefined()
  })
})
