import { existsSync, utimesSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import { examine } from '../../../src/lib/doctor/doctor.js'
import type { Finding } from '../../../src/lib/doctor/finding.js'
import { applyFixes } from '../../../src/lib/doctor/fix.js'
import { attachVolume } from '../../../src/lib/volume/attach.js'
import type { VolumeContext } from '../../../src/lib/volume/context.js'
import { createVolume } from '../../../src/lib/volume/create.js'
import { withVolumeLock } from '../../../src/lib/volume/lock.js'
import { mountVolume } from '../../../src/lib/volume/mount.js'
import { parseDescription, withTrailer } from '../../../src/lib/volume/trailer.js'
import { bootId, ill, only, patient, type Patient } from './patient.js'

let sick: Patient
let volumes: VolumeContext
beforeEach(async () => {
  sick = await patient()
  const { prism, host, context } = sick
  volumes = { prism, host, stateFolder: context.stateFolder, deadline: deadlineIn(20_000) }
})

async function make(name: string): Promise<string> {
  return (await createVolume(volumes, { name, sizeBytes: 2 ** 30 })).uuid
}

/** As another host, or Prism's console, would. */
function letIn(uuid: string, initiators: string[]): void {
  const group = sick.prism.groups.get(uuid)
  if (!group) throw new Error(`no group ${uuid}`)
  sick.prism.groups.set(uuid, { ...group, attachments: initiators.map((initiatorName) => ({ initiatorName })) })
}

/** What the initiator says of its sessions; the portal is the fake cluster's. */
function sessionsAre(state: 'up' | 'down' | 'gone', portal = '10.0.0.5:3260'): void {
  sick.initiator.sessions = () =>
    Promise.resolve(sick.host.attachedDisks.map(({ targetName, lun }) => ({ portal, targetName, lun, state })))
}

const look = (): Promise<Finding[]> => examine(sick.context)
const fix = async (findings: readonly Finding[]) => applyFixes(findings, deadlineIn(20_000))

function keepReferences(uuid: string, name: string, mountPoint: string, more: object = {}): string {
  const at = new Date(Date.now() - 10 * 60_000).toISOString()
  const kept = { v: 1, uuid, name, mountPoint, bootId, ids: [{ id: 'a'.repeat(64), at }], ...more }
  return sick.write(`state/references/${uuid}.json`, JSON.stringify(kept))
}

describe('a machine in order', () => {
  it('has no drift, with a volume mounted and one attached', async () => {
    await make('db')
    await make('web')
    await mountVolume(volumes, { volume: 'db' })
    await attachVolume(volumes, { volume: 'web' })
    sessionsAre('up')
    expect(only(await look(), 'drift')).toMatchObject({ severity: 'ok' })
  })
})

describe('a volume that this machine may no longer use', () => {
  let uuid: string
  beforeEach(async () => {
    uuid = await make('db')
    await mountVolume(volumes, { volume: 'db' })
    sessionsAre('up')
    letIn(uuid, ['iqn.2000-01.com.other:host2'])
  })

  it('is told with who has it, and taken off this machine', async () => {
    const findings = await look()
    const lost = only(findings, 'lost-volume')
    expect(lost).toMatchObject({ severity: 'problem', about: 'db' })
    expect(lost.evidence.join()).toContain('iqn.2000-01.com.other:host2')
    expect(lost.evidence).toContain('mounted at /mnt/acs/db')
    expect(await fix(findings)).toEqual([
      { id: 'lost-volume', about: 'db', words: 'take db off this machine', done: [] },
    ])
    expect(sick.host.mounted).toEqual([])
    expect(sick.host.attachedDisks).toEqual([])
    expect(sick.prism.groups.get(uuid)?.attachments).toEqual([{ initiatorName: 'iqn.2000-01.com.other:host2' }])
    expect(only(await look(), 'drift').severity).toBe('ok')
  })

  it('is left alone while containers use it', async () => {
    keepReferences(uuid, 'db', '/mnt/acs/db')
    const lost = only(await look(), 'lost-volume')
    expect(lost.fix).toBeUndefined()
    expect(lost.evidence.join()).toMatch(/1 container mount of db since \d{4}/)
  })

  it('is left alone when it may be used again before the fix', async () => {
    const findings = await look()
    letIn(uuid, [sick.host.initiatorName])
    expect(await fix(findings)).toMatchObject([{ error: expect.stringContaining('may be used here again') as string }])
    expect(sick.host.mounted).toHaveLength(1)
  })

  it('that is deleted is taken off too', async () => {
    await make('web')
    await attachVolume(volumes, { volume: 'web' })
    sick.prism.groups.delete(uuid)
    const findings = await look()
    expect(only(findings, 'lost-volume').evidence).toContain('the cluster fake has no such volume group')
    await fix(findings)
    expect(sick.host.mounted).toEqual([])
    expect(sick.host.attachedDisks).toHaveLength(1)
  })

  it('of another cluster is none of this one', async () => {
    sick.prism.groups.delete(uuid)
    await make('web')
    await attachVolume(volumes, { volume: 'web' })
    sick.initiator.sessions = () =>
      Promise.resolve(
        sick.host.attachedDisks.map(({ targetName, lun }, at) => ({
          portal: at === 0 ? '10.9.9.9:3260' : '10.0.0.5:3260',
          targetName,
          lun,
          state: 'up',
        })),
      )
    const findings = await look()
    expect(ill(findings, 'lost-volume')).toEqual([])
    expect(only(findings, 'foreign-disk')).toMatchObject({ severity: 'info' })
  })
})

describe('the outage guard', () => {
  it('cleans nothing when Prism cannot be reached', async () => {
    sick.initiator.leftovers = () => Promise.resolve(['/dev/loop9'])
    expect(only(await look(), 'leftover').fix).toBeDefined()
    sick.prism.cluster = () => Promise.reject(new AcsError('timeout', 'EACSUNREACHABLE', 'Prism cannot be reached'))
    const findings = await look()
    expect(only(findings, 'outage').evidence).toEqual(['Prism cannot be reached'])
    expect(only(findings, 'leftover').fix).toBeUndefined()
    expect(only(findings, 'prism')).toMatchObject({ severity: 'problem' })
    expect(only(findings, 'drift')).toMatchObject({ severity: 'warning' })
  })

  it('cleans nothing when all sessions are down at once, and does when one is up', async () => {
    const uuid = await make('db')
    await make('web')
    await mountVolume(volumes, { volume: 'web' })
    await mountVolume(volumes, { volume: 'db' })
    letIn(uuid, [])
    sessionsAre('down')
    const findings = await look()
    expect(only(findings, 'outage').evidence).toEqual(['the only iSCSI session is down'])
    expect(only(findings, 'lost-volume').fix).toBeUndefined()
    sessionsAre('up')
    expect(only(await look(), 'lost-volume').fix).toBeDefined()
  })

  it('does not take the session of a volume that was taken away for an outage', async () => {
    letIn(await make('db'), [])
    await mountVolume(volumes, { volume: 'db' })
    letIn([...sick.prism.groups.keys()][0] ?? '', [])
    sessionsAre('down')
    const findings = await look()
    expect(ill(findings, 'outage')).toEqual([])
    expect(only(findings, 'lost-volume').fix).toBeDefined()
  })

  it('cleans nothing when the cluster knows none of the volumes here', async () => {
    for (const name of ['db', 'web']) {
      await make(name)
      await attachVolume(volumes, { volume: name })
    }
    sessionsAre('up')
    sick.prism.groups.clear()
    const findings = await look()
    expect(only(findings, 'outage').evidence[0]).toMatch(/knows none of the 2 volumes/)
    expect(findings.filter(({ fix: cure }) => cure !== undefined)).toEqual([])
  })
})

describe('holds', () => {
  it('that nothing here uses are given back', async () => {
    const uuid = await make('db')
    await attachVolume(volumes, { volume: 'db' })
    sick.host.attachedDisks = []
    const findings = await look()
    expect(only(findings, 'idle-hold')).toMatchObject({ severity: 'problem', about: 'db' })
    await fix(findings)
    expect(sick.prism.groups.get(uuid)?.attachments).toEqual([])
    expect(only(await look(), 'drift').severity).toBe('ok')
  })

  it('are not given back when somebody attaches it meanwhile', async () => {
    await make('db')
    await attachVolume(volumes, { volume: 'db' })
    sick.host.attachedDisks = []
    const findings = await look()
    await attachVolume(volumes, { volume: 'db' })
    expect(await fix(findings)).toMatchObject([{ error: expect.stringContaining('is used here') as string }])
    expect(sick.host.attachedDisks).toHaveLength(1)
  })

  it('are not told while somebody works on the volume', async () => {
    const uuid = await make('db')
    await attachVolume(volumes, { volume: 'db' })
    sick.host.attachedDisks = []
    await withVolumeLock(volumes, uuid, 'attach', async () => {
      expect(ill(await look(), 'idle-hold')).toEqual([])
    })
  })

  it('of an earlier boot are given back, but not while containers wait for them', async () => {
    const uuid = await make('db')
    await attachVolume(volumes, { volume: 'db' })
    sick.host.attachedDisks = []
    sick.host.identity = () => Promise.resolve({ hostName: 'host1', bootId: 'boot-2' })
    const path = keepReferences(uuid, 'db', '/mnt/acs/db')
    const waiting = only(await look(), 'earlier-boot')
    expect(waiting.severity).toBe('info')
    expect(waiting.fix).toBeUndefined()
    sick.write(path.slice(sick.folder.length), '{"v":1,"uuid":"x"}')
    const findings = await look()
    expect(only(findings, 'earlier-boot')).toMatchObject({ severity: 'warning' })
    expect(only(findings, 'reference').title).toContain('cannot be understood')
    await fix(findings)
    expect(sick.prism.groups.get(uuid)?.attachments).toEqual([])
  })

  it('of another host under this initiator name are told', async () => {
    const uuid = await make('db')
    const group = sick.prism.groups.get(uuid)
    if (!group) throw new Error('no group')
    const { trailer, ...rest } = parseDescription(group.description)
    const description = withTrailer(rest, {
      ...(trailer ?? { v: 1 }),
      h: { n: 'host2', i: sick.host.initiatorName, b: 'boot-of-host2', s: '2026-01-02T03:04:05Z' },
    })
    sick.prism.groups.set(uuid, {
      ...group,
      description,
      attachments: [{ initiatorName: sick.host.initiatorName.toUpperCase() }],
    })
    const shared = only(await look(), 'initiator-name-shared')
    expect(shared).toMatchObject({ severity: 'problem', about: 'host2' })
    expect(shared.title).toContain('another host, host2, has this')
    expect(shared.evidence).toContain('it holds db')
  })
})

describe('what was begun and did not end', () => {
  it.each([
    ['mount', {}, 'acs volume mount db'],
    ['unmount', {}, 'acs volume unmount db'],
    ['restore', { copy: { source: 's', uuid: 'u', name: 'db', at: 'now' } }, 'acs volume snapshot restore s'],
    ['clone', { copy: { source: 's', uuid: 'u', name: 'db', at: 'now' } }, 'acs volume clone s db'],
  ])('%s is told with the command that ends it', async (intent, facts, command) => {
    const uuid = await make('db')
    const journal = { v: 1, uuid, name: 'db', intent, step: null, startedAt: 'then', pid: 1, facts }
    sick.write(`state/journal/${uuid}.json`, JSON.stringify(journal))
    expect(only(await look(), 'unfinished')).toMatchObject({ severity: 'problem', cure: [command] })
    await withVolumeLock(volumes, intent === 'clone' ? 's' : uuid, 'it', async () => {
      expect(ill(await look(), 'unfinished')).toEqual([])
    })
  })

  it('of a volume that is gone is removed', async () => {
    const uuid = '11111111-2222-3333-4444-555555555555'
    const journal = { v: 1, uuid, name: 'db', intent: 'mount', step: 'mount', startedAt: 'then', pid: 1, facts: {} }
    const path = sick.write(`state/journal/${uuid}.json`, JSON.stringify(journal))
    const findings = await look()
    expect(only(findings, 'unfinished').title).toContain('has no such volume any more')
    await fix(findings)
    expect(existsSync(path)).toBe(false)
  })

  it('cannot be told from a journal that makes no sense', async () => {
    sick.write('state/journal/11111111-2222-3333-4444-555555555555.json', '{')
    expect(only(await look(), 'unfinished').title).toMatch(/cannot be read/)
  })
})

describe('records of volumes that are gone', () => {
  const uuid = '11111111-2222-3333-4444-555555555555'
  const old = new Date(Date.now() - 3_600_000)

  it('are removed when they are old, and no other cluster may have the volume', async () => {
    const path = sick.write(`state/chap/${uuid}`, 'secret-secret\n')
    expect(ill(await look(), 'forgotten-record')).toEqual([])
    utimesSync(path, old, old)
    sick.access.otherClusters = ['lab2']
    const unsure = only(await look(), 'forgotten-record')
    expect(unsure).toMatchObject({ severity: 'info' })
    expect(unsure.fix).toBeUndefined()
    sick.access.otherClusters = []
    const findings = await look()
    expect(only(findings, 'forgotten-record')).toMatchObject({ severity: 'warning' })
    expect(JSON.stringify(findings)).not.toContain('secret-secret')
    await fix(findings)
    expect(existsSync(path)).toBe(false)
  })
})

describe('an interrupted restore', () => {
  it('of another machine is told, and left alone', async () => {
    const uuid = '0badcafe-2222-3333-4444-555555555555'
    sick.prism.put({ uuid, name: 'db.restoring-0badcafe' })
    sick.prism.put({ uuid: '0badcafd-2222-3333-4444-555555555555', name: 'x.restoring-0badcafe' })
    const half = only(await look(), 'half-made-copy')
    expect(half).toMatchObject({ severity: 'warning', about: 'db.restoring-0badcafe' })
    expect(half.fix).toBeUndefined()
  })
})

describe('mounts', () => {
  it('whose disk is dead are unmounted, and what is left of the disk is swept', async () => {
    await make('db')
    await mountVolume(volumes, { volume: 'db' })
    sessionsAre('gone')
    let swept = 0
    sick.initiator.sweep = () => {
      swept += 1
      return Promise.resolve(['/dev/loop9'])
    }
    const findings = await look()
    expect(only(findings, 'dead-mount')).toMatchObject({ severity: 'problem', about: '/mnt/acs/db' })
    expect(ill(findings, 'outage')).toEqual([])
    const [outcome] = await fix(findings.filter(({ id }) => id === 'dead-mount'))
    expect(outcome?.done).toEqual(['/dev/loop9'])
    expect(sick.host.mounted).toEqual([])
    expect(swept).toBe(1)
  })

  it('whose device is gone are told; what is none of acs is only mentioned', async () => {
    const mount = { source: '/dev/sdq', filesystem: 'ext4', root: '/', options: [] }
    sick.host.mounted.push({ ...mount, mountPoint: '/mnt/acs/old', deviceNumber: '65:0' })
    sick.host.mounted.push({ ...mount, mountPoint: '/mnt/acs/tmp', deviceNumber: '0:44', filesystem: 'tmpfs' })
    sick.host.mounted.push({ ...mount, mountPoint: '/srv/other', deviceNumber: '65:1' })
    const findings = await look()
    expect(only(findings, 'dead-mount')).toMatchObject({ about: '/mnt/acs/old' })
    expect(only(findings, 'stray-mount')).toMatchObject({ about: '/mnt/acs/tmp', severity: 'info' })
  })
})

describe('references', () => {
  it('of what is not mounted are told', async () => {
    keepReferences(await make('db'), 'db', '/mnt/acs/db')
    expect(only(await look(), 'reference')).toMatchObject({ severity: 'problem', about: 'db' })
  })

  it('that no container explains are dropped through the plugin, by the calls that Docker owes', async () => {
    const uuid = await make('db')
    await mountVolume(volumes, { volume: 'db' })
    sessionsAre('up')
    keepReferences(uuid, 'db', '/mnt/acs/db')
    // Without Docker nothing can be told.
    expect(ill(await look(), 'reference')).toEqual([])
    let containers: object[] = [{ Id: 'c1', Mounts: [{ Type: 'volume', Name: 'db' }] }]
    const asked: string[] = []
    await serve(sick.context.dockerSocket, (url) => {
      asked.push(decodeURIComponent(url))
      return url.startsWith('/containers') ? containers : { Version: '20.10.24', LiveRestoreEnabled: true }
    })
    expect(ill(await look(), 'reference')).toEqual([])
    expect(asked).toContain('/containers/json?filters={"volume":["db"]}')
    // Docker's filter finds a container that has something at /db, too.
    containers = [{ Id: 'c2', Mounts: [{ Type: 'bind' }] }]
    sick.host.mountedElsewhere = () => Promise.resolve([4711])
    expect(ill(await look(), 'reference')).toEqual([])
    sick.host.mountedElsewhere = () => Promise.resolve([])
    const calls: string[] = []
    sick.write('plugins/.keep', '')
    await serve(join(sick.context.pluginFolder, 'nutanix.sock'), (url, body) => {
      calls.push(`${url} ${body}`)
      return { Err: '' }
    })
    const findings = await look()
    expect(only(findings, 'reference').title).toMatch(/no container uses db any more/)
    expect(await fix(findings)).toMatchObject([{ id: 'reference', done: [] }])
    expect(calls).toEqual([`/VolumeDriver.Unmount ${JSON.stringify({ Name: 'db', ID: 'a'.repeat(64) })}`])
  })

  it("of Podman, and young ones, are nobody's business", async () => {
    const uuid = await make('db')
    await mountVolume(volumes, { volume: 'db' })
    await serve(sick.context.dockerSocket, () => [])
    const podman = '2f73349cfc4630255319c6c8dfc1b46a8996ace9d14d8e07563b165915918ec2'
    for (const ids of [
      [{ id: podman, at: '2026-01-02T03:04:05Z' }],
      [{ id: 'a', at: new Date().toISOString() }],
      [{ id: 'a', at: 'nonsense' }],
    ]) {
      keepReferences(uuid, 'db', '/mnt/acs/db', { ids })
      expect(ill(await look(), 'reference')).toEqual([])
    }
  })
})

/** An HTTP server on a unix socket, for the length of a test. */
async function serve(path: string, answer: (url: string, body: string) => unknown): Promise<void> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => response.end(JSON.stringify(answer(request.url ?? '', body))))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
}
