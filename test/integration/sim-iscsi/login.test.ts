import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IscsiTarget } from '../../../src/lib/sim/iscsi/target.js'
import { Initiator, keysOf } from './initiator.js'
import { MemoryDisk } from './memory-disk.js'
import { startTestTarget, targetName } from './test-target.js'
import type { Permissions } from './test-target.js'

let permissions: Permissions
let target: IscsiTarget
let open: Initiator[]

beforeEach(async () => {
  permissions = { disks: new Map([[0, new MemoryDisk('792cd764-37b5-4da3-7ef1-0123456789ab')]]) }
  target = await startTestTarget(permissions)
  open = []
})
afterEach(async () => {
  for (const one of open) one.close()
  await target.close()
})

async function initiator(address = target.dataServices, name?: string): Promise<Initiator> {
  const one = await Initiator.connect(address, name)
  open.push(one)
  return one
}

async function discover(one: Initiator, what = 'All'): Promise<string> {
  const header = Buffer.alloc(48)
  header[0] = 0x04
  header[1] = 0x80
  header.writeUInt32BE(0x55, 16)
  header.writeUInt32BE(0xffff_ffff, 20)
  header.writeUInt32BE(one.commandNumber, 24)
  one.commandNumber += 1
  let answer = ''
  one.send(header, Buffer.from(`SendTargets=${what}\0`))
  for (;;) {
    const part = await one.receive()
    answer += part.data.toString()
    if ((part.flags & 0x80) !== 0) return answer
    header.writeUInt32BE(part.header.readUInt32BE(20), 20)
    header.writeUInt32BE(one.commandNumber, 24)
    one.commandNumber += 1
    one.send(Buffer.from(header))
  }
}

describe('login at the data services portal', () => {
  it('answers the security phase as recorded', async () => {
    const one = await initiator()
    const keys = { InitiatorName: one.name, TargetName: targetName, SessionType: 'Normal', AuthMethod: 'None' }
    const answer = await one.loginPdu(0x81, keys)
    expect(keysOf(answer)).toEqual({ TargetPortalGroupTag: '1', AuthMethod: 'None' })
    expect([24, 28, 32].map((at) => answer.header.readUInt32BE(at))).toEqual([0, 1, 512])
    expect(answer.header.readUInt16BE(14)).toBe(0)
    expect(answer.flags).toBe(0x81)
  })

  it('sends normal sessions on at the end of the operational phase, with the keys as recorded', async () => {
    const one = await initiator()
    const answer = await one.login({
      target: targetName,
      keys: {
        ImmediateData: 'No',
        DefaultTime2Wait: '0',
        DataSequenceInOrder: 'Yes',
        InitialR2T: 'Yes',
        DataDigest: 'None',
        MaxBurstLength: '16776192',
        DefaultTime2Retain: '0',
        DataPDUInOrder: 'Yes',
        FirstBurstLength: '262144',
        MaxConnections: '1',
        MaxOutstandingR2T: '1',
        HeaderDigest: 'None',
        ErrorRecoveryLevel: '0',
      },
    })
    expect(answer.header.readUInt16BE(36)).toBe(0x0101)
    expect(answer.flags).toBe(0x05)
    expect(answer.data.toString().split('\0')[0]).toBe(`TargetAddress=${target.cvmPortals[0]}`)
    expect(keysOf(answer)).toMatchObject({
      MaxRecvDataSegmentLength: '1048576',
      ImmediateData: 'No',
      InitialR2T: 'Yes',
      DefaultTime2Wait: '0',
      DefaultTime2Retain: '20',
      MaxBurstLength: '16776192',
      FirstBurstLength: '262144',
      MaxConnections: '1',
      MaxOutstandingR2T: '1',
      ErrorRecoveryLevel: '0',
      HeaderDigest: 'None',
      DataDigest: 'None',
    })
    expect(target.sessions()).toEqual([])
  })

  it('answers a single-phase login with a Reject PDU', async () => {
    const one = await initiator()
    const keys = { InitiatorName: one.name, TargetName: targetName, AuthMethod: 'None' }
    expect((await one.loginPdu(0x83, keys)).opcode).toBe(0x3f)
    await one.closed
  })

  it('gives the local address where it listens on a wildcard', async () => {
    const wide = await startTestTarget(permissions, {
      listen: { host: '0.0.0.0', port: 0 },
      cvmListen: { host: '0.0.0.0', port: 0 },
    })
    try {
      const port = wide.dataServices.split(':')[1]!
      const one = await initiator(`127.0.0.2:${port}`)
      const answer = await one.login({ target: targetName })
      expect(keysOf(answer).TargetAddress).toMatch(/^127\.0\.0\.2:\d+$/)
      expect(await discover(await discoverySession(`127.0.0.3:${port}`))).toContain(`TargetAddress=127.0.0.3:${port},1`)
    } finally {
      await wide.close()
    }
  })

  it('writes IPv6 in brackets', async () => {
    const six = await startTestTarget(permissions, {
      listen: { host: '::1', port: 0 },
      cvmListen: { host: '::1', port: 0 },
    })
    try {
      expect(six.dataServices).toMatch(/^\[::1\]:\d+$/)
      const answer = await (await initiator(six.dataServices)).login({ target: targetName })
      expect(keysOf(answer).TargetAddress).toBe(six.cvmPortals[0])
    } finally {
      await six.close()
    }
  })

  async function discoverySession(address: string, name?: string): Promise<Initiator> {
    const one = await initiator(address, name)
    await one.login()
    return one
  }

  it('shows an initiator its targets and a stranger none', async () => {
    permissions.allowed = new Set(['iqn.1994-05.test:a'])
    const lines = await discover(await discoverySession(target.dataServices))
    expect(lines.split('\0').slice(0, 4)).toEqual([
      `TargetName=${targetName}`,
      `TargetAddress=${target.dataServices},1`,
      `TargetName=${targetName}-tgt0`,
      `TargetAddress=${target.dataServices},1`,
    ])
    const one = await discoverySession(target.dataServices)
    expect((await discover(one, `${targetName}-tgt0`)).match(/TargetName/g)).toHaveLength(1)
    expect(await discover(await discoverySession(target.dataServices, 'iqn.x:stranger'))).toBe('')
  })

  it('splits a long list over several answers', async () => {
    const many = Array.from({ length: 400 }, (_, index) => ({ targetName: `${targetName}-${index}` }))
    const long = await startTestTarget(permissions, {
      backend: { visibleTargets: () => many, openTarget: () => undefined },
    })
    try {
      const one = await initiator(long.dataServices)
      await one.login({ keys: { MaxRecvDataSegmentLength: '512' } })
      expect((await discover(one)).match(/TargetName=/g)).toHaveLength(400)
    } finally {
      await long.close()
    }
  })
})

describe('login at the CVM portal', () => {
  it('opens a session', async () => {
    const one = await initiator(target.cvmPortals[0])
    const answer = await one.login({ target: targetName })
    expect(answer.flags).toBe(0x87)
    expect(answer.header.readUInt32BE(24)).toBe(1)
    expect(answer.header.readUInt16BE(14)).not.toBe(0)
    expect(target.sessions()).toMatchObject([{ initiatorName: one.name, targetName, initiatorAddress: '127.0.0.1' }])
  })

  it('answers a forbidden target like one that does not exist', async () => {
    permissions.allowed = new Set()
    await expect((await initiator()).login({ target: targetName })).rejects.toThrow('login 0x0203')
    await expect((await initiator()).login({ target: 'iqn.x:none' })).rejects.toThrow('login 0x0203')
  })

  it('refuses when the permission goes while the login is under way', async () => {
    const one = await initiator(target.cvmPortals[0])
    await one.loginPdu(0x81, { InitiatorName: one.name, TargetName: targetName, AuthMethod: 'None' })
    permissions.allowed = new Set()
    const answer = await one.loginPdu(0x87, {})
    expect(answer.header.readUInt16BE(36)).toBe(0x0203)
    expect(target.sessions()).toEqual([])
  })

  it('replaces a session of the same initiator port, and keeps others', async () => {
    const first = await initiator(target.cvmPortals[0])
    await first.login({ target: targetName })
    const other = await initiator(target.cvmPortals[0])
    await other.login({ target: targetName, isid: '800000000001' })
    const again = await initiator(target.cvmPortals[0])
    await again.login({ target: targetName })
    await first.closed
    expect(target.sessions()).toHaveLength(2)
  })

  it.each([
    ['no initiator name', { TargetName: targetName }, 0x0207],
    ['no target name', { InitiatorName: 'iqn.x:a' }, 0x0207],
    ['an unknown session type', { InitiatorName: 'iqn.x:a', SessionType: 'Odd' }, 0x0209],
  ])('refuses %s', async (_what, keys, status) => {
    const one = await initiator(target.cvmPortals[0])
    expect((await one.loginPdu(0x81, keys)).header.readUInt16BE(36)).toBe(status)
    await one.closed
  })

  it('answers keys nobody knows, and values nobody could want', async () => {
    const one = await initiator(target.cvmPortals[0])
    const keys = { 'X-org.example.key': '1', InitialR2T: 'Maybe', MaxBurstLength: '1' }
    expect(keysOf(await one.login({ target: targetName, keys }))).toMatchObject({
      'X-org.example.key': 'NotUnderstood',
      InitialR2T: 'Reject',
      MaxBurstLength: 'Reject',
    })
  })
})

describe('CHAP', () => {
  const secret = 'a secret of some length'

  it('lets in who knows the secret, and proves itself when asked', async () => {
    permissions.chap = { secret, mutual: { username: 'cluster', secret: 'another secret here' } }
    const one = await initiator(target.cvmPortals[0])
    expect((await one.login({ target: targetName, secret, mutual: true })).flags).toBe(0x87)
    const { chapProof } = await import('./initiator.js')
    expect(one.mutualProof).toBe(chapProof(9, 'another secret here', '0x00112233445566778899aabbccddeeff'))
  })

  it.each([
    ['a wrong secret', { secret: 'wrong' }],
    ['no CHAP at all', {}],
    ['a proof asked for that the target cannot give', { secret, mutual: true }],
  ])('refuses %s', async (_what, options) => {
    permissions.chap = { secret }
    const one = await initiator(target.cvmPortals[0])
    await expect(one.login({ target: targetName, ...options })).rejects.toThrow('login 0x0201')
    await one.closed
  })

  it('sends on at once who offers it, so that libiscsi can follow, and refuses who does not', async () => {
    permissions.chap = { secret }
    const identity = { InitiatorName: 'iqn.x:a', TargetName: targetName, SessionType: 'Normal' }
    const moved = await (await initiator()).loginPdu(0x81, { ...identity, AuthMethod: 'CHAP,None' })
    expect(moved.header.readUInt16BE(36)).toBe(0x0101)
    expect(keysOf(moved)).toEqual({ TargetAddress: target.cvmPortals[0] })
    const refused = await (await initiator()).loginPdu(0x81, { ...identity, AuthMethod: 'None' })
    expect(refused.header.readUInt16BE(36)).toBe(0x0201)
  })

  it('sends on at the end where it is told to', async () => {
    permissions.chap = { secret }
    const late = await startTestTarget(permissions, { redirectChapLate: true })
    try {
      const answer = await (await initiator(late.dataServices)).login({ target: targetName, secret })
      expect([answer.flags, answer.header.readUInt16BE(36)]).toEqual([0x05, 0x0101])
    } finally {
      await late.close()
    }
  })

  it('refuses who skips the security phase', async () => {
    permissions.chap = { secret }
    const one = await initiator(target.cvmPortals[0])
    const answer = await one.loginPdu(0x87, { InitiatorName: one.name, TargetName: targetName })
    expect(answer.header.readUInt16BE(36)).toBe(0x0201)
  })

  it('guards discovery, too', async () => {
    permissions.discoveryChap = { secret }
    await expect((await initiator()).login({ secret: 'wrong' })).rejects.toThrow('login 0x0201')
    const one = await initiator()
    await one.login({ secret })
    expect(await discover(one)).toContain(targetName)
  })
})
