import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { createServer as createHttpServer } from 'node:http'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import { timeFinding } from '../../../src/lib/doctor/cluster.js'
import { judgeDocker } from '../../../src/lib/doctor/docker.js'
import { examine } from '../../../src/lib/doctor/doctor.js'
import type { Finding } from '../../../src/lib/doctor/finding.js'
import { applyFixes } from '../../../src/lib/doctor/fix.js'
import { nodeFindings } from '../../../src/lib/doctor/machine.js'
import { ill, only, patient, type Patient } from './patient.js'

const captured = (name: string): string => readFileSync(new URL(`captured/${name}`, import.meta.url), 'utf8')
const iqn = 'iqn.2010-06.com.nutanix:db-11111111-2222-3333-4444-555555555555'

let sick: Patient
beforeEach(async () => {
  sick = await patient()
})

const look = (): Promise<Finding[]> => examine(sick.context)

describe('checks', () => {
  it('that fail are findings, and the others go on', async () => {
    sick.host.identity = () => Promise.reject(new Error('no boot id'))
    sick.initiator.missing = () =>
      Promise.reject(new AcsError('failed', 'EACSCOMMAND', 'dd broke', { hints: ['dmesg'] }))
    const findings = await look()
    expect(only(findings, 'drift')).toMatchObject({ severity: 'warning', title: 'could not look at drift: no boot id' })
    expect(only(findings, 'initiator')).toMatchObject({
      severity: 'warning',
      evidence: ['EACSCOMMAND'],
      cure: ['dmesg'],
    })
    expect(only(findings, 'node').severity).toBe('ok')
  })

  it('that hang are ended after 5 s', async () => {
    sick.initiator.leftovers = () => new Promise(() => undefined)
    const started = performance.now()
    const findings = await look()
    expect(performance.now() - started).toBeLessThan(7_000)
    expect(only(findings, 'leftover').title).toBe('could not look at leftover: it took more than 5 s')
  })

  it('end at once when the user interrupts them', async () => {
    const stop = new AbortController()
    sick.initiator.leftovers = () => {
      stop.abort()
      return new Promise(() => undefined)
    }
    sick.context.deadline = deadlineIn(60_000, stop.signal)
    await expect(look()).rejects.toMatchObject({ code: 'EACSINTERRUPTED' })
  })
})

describe('this machine', () => {
  it('needs a Node.js that is new enough', () => {
    expect(only(nodeFindings('18.19.0', 0), 'node').severity).toBe('problem')
    expect(nodeFindings('24.1.0', 0)).toHaveLength(1)
    expect(only(nodeFindings('22.1.0', 1000), 'root').severity).toBe('info')
  })

  it('is told which tools it lacks, with their packages', async () => {
    for (const tool of [
      'blkid',
      'wipefs',
      'mkfs.ext4',
      'e2fsck',
      'resize2fs',
      'mount',
      'umount',
      'flock',
      'stat',
      'dd',
    ])
      sick.answers.set(tool, { stdout: `${tool} from util-linux 2.38.1\n` })
    const findings = await look()
    expect(only(findings, 'tools').evidence).toContain('wipefs 2.38.1')
    const missing = ill(findings, 'tool-missing')
    expect(missing.map(({ about, severity }) => [about, severity])).toEqual([
      ['blockdev', 'problem'],
      ['fsfreeze', 'problem'],
      ['mkfs.xfs', 'info'],
      ['xfs_growfs', 'info'],
      ['mkfs.btrfs', 'info'],
    ])
    expect(missing[2]?.cure).toEqual(['apt-get install xfsprogs'])
  })

  it('is told which initiator auto picks, and what each lacks', async () => {
    expect(only(await look(), 'initiator').title).toBe('disks are attached with the userspace initiator')
    const lack = new AcsError('precondition', 'EACSNODEVICE', 'no /dev/fuse', { hints: ['modprobe fuse'] })
    sick.initiator.missing = () => Promise.resolve([lack])
    const findings = await look()
    expect(only(findings, 'initiator')).toMatchObject({ severity: 'problem', evidence: ['userspace: no /dev/fuse'] })
    expect(only(findings, 'initiator-userspace').cure).toEqual(['modprobe fuse'])
  })
})

describe('open-iscsi', () => {
  it('with a session to a target that this machine may not use, which acs did not make', async () => {
    const session = 'sys/class/iscsi_session/session1'
    sick.write(`${session}/targetname`, `${iqn}\n`)
    sick.write(`${session}/state`, 'LOGGED_IN\n')
    sick.write('sys/class/iscsi_connection/connection1:0/persistent_address', '10.0.0.5\n')
    sick.write('sys/class/iscsi_connection/connection1:0/persistent_port', '3260\n')
    mkdirSync(join(sick.folder, 'sys/devices/host1/session1'), { recursive: true })
    symlinkSync(join(sick.folder, 'sys/devices/host1/session1'), join(sick.folder, session, 'device'))
    const found = only(await look(), 'session')
    expect(found).toMatchObject({ severity: 'warning', about: iqn })
    expect(found.cure[0]).toBe(`iscsiadm -m node -T ${iqn} -p 10.0.0.5:3260 --logout`)
    // One that another tool was allowed is none of our business.
    sick.prism.put({
      uuid: '11111111-2222-3333-4444-555555555555',
      name: 'db',
      iscsiTarget: iqn.replace('iqn.2010-06.com.nutanix:', ''),
      attachments: [{ initiatorName: sick.host.initiatorName }],
    })
    expect(ill(await look(), 'session')).toEqual([])
  })

  const nameFile = 'etc/iscsi/initiatorname.iscsi'
  const record = `etc/iscsi/nodes/${iqn}/10.0.0.5,3260`

  it('that is not installed is no problem', async () => {
    expect(only(await look(), 'iscsid')).toMatchObject({ severity: 'info' })
  })

  it.each([
    ['', /gives no InitiatorName/],
    ['GenerateName=yes\n', /the first start of open-iscsi makes it/],
    ['InitiatorName=host1\n', /is not an iSCSI name/],
    ['InitiatorName=iqn.2001-04.com.example:storage.disk1\n', /out of a manual/],
  ])('with the name file %j has a problem', async (text, title) => {
    sick.write(nameFile, text)
    expect(only(await look(), 'initiator-name')).toMatchObject({
      severity: 'problem',
      title: expect.stringMatching(title) as string,
    })
  })

  it('with a name, and systemd listening for iscsid, is fine', async () => {
    sick.write(nameFile, 'InitiatorName=iqn.1993-08.org.debian:01:dfc3786678e1\n')
    mkdirSync(join(sick.folder, 'sys/module/iscsi_tcp'), { recursive: true })
    expect(only(await look(), 'iscsid')).toMatchObject({ severity: 'problem' })
    const socket = '0000000000000000: 00000002 00000000 00010000 0001 01 18250 @ISCSIADM_ABSTRACT_NAMESPACE\n'
    sick.write('proc/net/unix', socket)
    const findings = await look()
    expect(only(findings, 'iscsid').severity).toBe('ok')
    expect(only(findings, 'initiator-name').severity).toBe('ok')
    expect(only(findings, 'node-startup').severity).toBe('ok')
  })

  it('that logs in by itself, or waits for ever, has a problem, which is cured where the target is ours', async () => {
    const bad = captured('node-record.txt')
      .replace('node.startup = manual', 'node.startup = automatic')
      .replace('replacement_timeout = 120', 'replacement_timeout = -1')
    sick.write(record, bad)
    const foreign = await look()
    expect(only(foreign, 'node-startup')).toMatchObject({ severity: 'problem', about: iqn })
    expect(only(foreign, 'replacement-timeout')).toMatchObject({ severity: 'problem', about: iqn })
    expect(foreign.filter(({ fix }) => fix)).toEqual([])
    sick.write('state/attached/11111111-2222-3333-4444-555555555555.json', '[]')
    sick.answers.set('iscsiadm', {})
    await applyFixes(
      (await look()).filter(({ id }) => id === 'node-startup' || id === 'replacement-timeout'),
      deadlineIn(5_000),
    )
    const node = `iscsiadm -m node -T ${iqn} -p 10.0.0.5:3260 -o update -n`
    expect(sick.ran.filter((command) => command.includes('update'))).toEqual([
      `${node} node.startup -v manual`,
      `${node} node.session.timeo.replacement_timeout -v 120`,
    ])
  })

  it('remembers targets that this machine may not use', async () => {
    sick.write(record, captured('node-record.txt'))
    const old = only(await look(), 'node-record')
    expect(old).toMatchObject({ severity: 'warning', about: iqn })
    expect(old.cure).toEqual([`iscsiadm -m node -T ${iqn} -p 10.0.0.5:3260 -o delete`])
    expect(old.fix).toBeUndefined()
    sick.write('state/attached/11111111-2222-3333-4444-555555555555.json', '[]')
    expect(only(await look(), 'node-record').fix?.words).toBe(`delete the node record of ${iqn}`)
    // Another cluster's portal.
    sick.access.dataServices = '10.9.9.9'
    expect(ill(await look(), 'node-record')).toEqual([])
  })

  it('never has its secrets told', async () => {
    sick.write(record, captured('node-record.txt') + 'node.session.auth.password = marker-secret\n')
    expect(JSON.stringify(await look())).not.toContain('marker-secret')
  })
})

describe('multipath', () => {
  const running = '0000000000000000: 00000002 00000000 00010000 0001 01 1 @/org/kernel/linux/storage/multipathd\n'
  const text = captured('multipath-t-nutanix.txt')

  it('is not asked where none runs', async () => {
    expect(only(await look(), 'multipath').severity).toBe('ok')
    expect(sick.ran.filter((command) => command.startsWith('multipath'))).toEqual([])
  })

  it.each([
    ["Debian's defaults", captured('multipath-t-defaults.txt'), 'ok'],
    ['a blacklist', text, 'ok'],
    [
      'a blacklist with an exception',
      text.replace('property "(SCSI', 'device {\n vendor "NUTANIX"\n}\nproperty "(SCSI'),
      'problem',
    ],
    ['no blacklist', text.replace('vendor "NUTANIX"', 'vendor "OTHER"'), 'problem'],
    [
      'no blacklist and no queue',
      text.replace('vendor "NUTANIX"', 'vendor "OTHER"').replace('no_path_retry "queue"', 'no_path_retry 5'),
      'info',
    ],
    [
      'a smart search',
      captured('multipath-t-defaults.txt').replace('find_multipaths "strict"', 'find_multipaths "smart"'),
      'warning',
    ],
  ])('with %s is judged', async (_what, stdout, severity) => {
    sick.write('proc/net/unix', running)
    sick.answers.set('multipath', { stdout })
    expect(only(await look(), 'multipath').severity).toBe(severity)
  })
})

describe('the cluster', () => {
  it('that is not configured, or refuses, is told as that', async () => {
    sick.context.cluster = () =>
      Promise.reject(new AcsError('usage', 'EACSNOCONNECTION', 'which cluster?', { hints: ['acs context add'] }))
    const none = await look()
    expect(only(none, 'connection')).toMatchObject({ severity: 'warning', cure: ['acs context add'] })
    expect(only(none, 'drift')).toMatchObject({ severity: 'info' })
    sick.context.cluster = () => Promise.resolve(sick.access)
    sick.prism.cluster = () => Promise.reject(new AcsError('auth', 'EACSAUTH', 'Prism refused the password'))
    const refused = await look()
    expect(only(refused, 'prism')).toMatchObject({ severity: 'problem', evidence: ['EACSAUTH'] })
    // Whoever is refused has no outage.
    expect(ill(refused, 'outage')).toEqual([])
  })

  it('is tried at its ports', async () => {
    const open = await listen(createServer())
    const findings = await look()
    expect(only(findings, 'prism-port')).toMatchObject({ severity: 'problem', evidence: ['connect: ECONNREFUSED'] })
    expect(only(findings, 'prism').severity).toBe('ok')
    Object.assign(sick.access, { port: open, dataServices: `127.0.0.1:${open}` })
    const reached = await look()
    expect(only(reached, 'prism-port').severity).toBe('ok')
    expect(only(reached, 'iscsi-port').severity).toBe('ok')
    sick.access.dataServices = '127.0.0.1:1'
    expect(only(await look(), 'iscsi-port').severity).toBe('problem')
  })

  it('is tried at the port that logins are sent on to, of every controller VM', async () => {
    // Not a loopback address by its looks, and refused at once.
    sick.access.dataServices = '0.0.0.0:1'
    sick.prism.hosts = () => Promise.resolve([{ uuid: 'h', name: 'h', controllerVmAddress: '127.31.77.5' }])
    const redirect = only(await look(), 'redirect-port')
    expect(redirect).toMatchObject({ severity: 'problem', evidence: ['127.31.77.5: ECONNREFUSED'] })
    await listen(createServer(), 3205, '127.31.77.5')
    expect(only(await look(), 'redirect-port').severity).toBe('ok')
  })

  it('needs a data services address', async () => {
    sick.prism.cluster = () => Promise.resolve({ uuid: 'u', name: 'fake', version: '6.5', nodeCount: 3 })
    expect(only(await look(), 'data-services')).toMatchObject({ severity: 'problem' })
  })

  it.each([
    [0, 'ok', 'agrees'],
    [29_000, 'ok', 'agrees'],
    [45_000, 'warning', '45 s behind'],
    [-45_000, 'warning', '44 s ahead of'],
  ])('that is %i ms ahead is %s', (skew, severity, words) => {
    const now = Date.parse('2026-01-02T03:04:05Z')
    const finding = timeFinding(new Date(now + skew), now, now)
    expect(finding.severity).toBe(severity)
    expect(finding.title).toContain(words)
  })
})

describe('Docker', () => {
  it('is asked for its version and settings', async () => {
    expect(only(await look(), 'docker').title).toBe('Docker is not installed')
    sick.answers.set('dockerd', { stdout: 'Docker version 20.10.24+dfsg1, build 5d6db84\n' })
    expect(only(await look(), 'docker').title).toBe('dockerd 20.10.24+dfsg1 does not run')
    const server = createHttpServer((request, response) => {
      response.end(captured(request.url === '/info' ? 'docker-info.json' : 'docker-version.json'))
    })
    await listen(server, sick.context.dockerSocket)
    const findings = await look()
    expect(only(findings, 'docker')).toMatchObject({ severity: 'ok', title: 'dockerd 20.10.24+dfsg1' })
    expect(only(findings, 'live-restore').severity).toBe('ok')
  })

  it('must be new enough, and should keep containers', () => {
    const findings = judgeDocker('17.12.1-ce', false)
    expect(only(findings, 'docker').severity).toBe('problem')
    expect(only(findings, 'live-restore').severity).toBe('info')
  })

  it('waits 15 s for every socket that nobody listens on; ours is removed, others are named', async () => {
    mkdirSync(sick.context.pluginFolder)
    const alive = join(sick.context.pluginFolder, 'alive.sock')
    const [ours, other] = ['nutanix', 'other'].map((name) => join(sick.context.pluginFolder, `${name}.sock`))
    if (ours === undefined || other === undefined) throw new Error('no paths')
    await listen(createServer(), alive)
    for (const path of [ours, other]) await makeStale(path)
    sick.write('plugins/plain.sock', '')
    // Second names, which Docker passes over: of one that is stale, and of nothing.
    symlinkSync('nutanix.sock', join(sick.context.pluginFolder, 'nutanix:latest.sock'))
    symlinkSync('nothing.sock', join(sick.context.pluginFolder, 'nothing:latest.sock'))
    sick.write('etc/docker/plugins/gone.spec', `unix://${join(sick.folder, 'gone.sock')}\n`)
    const findings = await look()
    const stale = ill(findings, 'stale-socket')
    expect(stale.map(({ about }) => about).sort()).toEqual([join(sick.folder, 'gone.sock'), ours, other].sort())
    expect(stale.filter(({ fix }) => fix).map(({ about }) => about)).toEqual([ours])
    await applyFixes(findings, deadlineIn(5_000))
    expect([existsSync(ours), existsSync(other), existsSync(alive)]).toEqual([false, true, true])
  })

  it('is not robbed of a plugin that has started meanwhile', async () => {
    mkdirSync(sick.context.pluginFolder)
    const ours = join(sick.context.pluginFolder, 'nutanix.sock')
    await makeStale(ours)
    const findings = await look()
    const fresh = join(sick.folder, 'fresh.sock')
    await listen(createServer(), fresh)
    linkSync(fresh, `${ours}.new`)
    renameSync(`${ours}.new`, ours)
    await applyFixes(findings, deadlineIn(5_000))
    expect(existsSync(ours)).toBe(true)
  })
})

describe('the units of the plugin', () => {
  const socket = (folder: string): string =>
    `[Unit]\nBefore=docker.service\n[Socket]\nListenStream=${folder}/plugins/nutanix.sock\n`
  const service = '[Unit]\nBefore=docker.service\n[Service]\nExecStart=/usr/bin/acs plugin serve\nKillMode=process\n'

  it('are told when there are none', async () => {
    expect(only(await look(), 'plugin-unit')).toMatchObject({ severity: 'info' })
  })

  it('are not missed where the managed plugin is', async () => {
    const plugins = [
      { Name: 'nutanix:latest', Enabled: true, Settings: { Env: ['ACS_PLUGIN_FOLDER=/mnt/acs'] } },
      { Name: 'other:latest', Enabled: false, Settings: { Env: ['X=ACS_PLUGIN_FOLDER='] } },
    ]
    const docker = createHttpServer((request, response) => {
      const answers: Record<string, unknown> = { '/plugins': plugins, '/version': { Version: '20.10.24' }, '/info': {} }
      response.end(JSON.stringify(answers[request.url ?? ''] ?? []))
    })
    await listen(docker, sick.context.dockerSocket)
    expect(only(await look(), 'plugin-unit')).toMatchObject({
      severity: 'ok',
      title: 'the volume plugin is the managed plugin nutanix:latest, enabled',
    })
    sick.write('units/acs-plugin.service', service)
    expect(ill(await look(), 'plugin-unit')).toMatchObject([
      { severity: 'warning', about: 'nutanix:latest', title: expect.stringContaining('here twice') as string },
    ])
    plugins[0]!.Enabled = false
    expect(ill(await look(), 'plugin-unit')).toMatchObject([
      { severity: 'problem', cure: ['docker plugin enable --timeout 0 nutanix:latest', expect.anything()] },
    ])
  })

  it('are fine as they should be, and their socket is missed', async () => {
    sick.write('units/acs-plugin.socket', socket(sick.folder))
    sick.write('units/acs-plugin.service', service)
    const findings = await look()
    expect(findings.filter(({ id }) => id === 'plugin-unit').map(({ severity }) => severity)).toEqual(['ok', 'ok'])
    expect(only(findings, 'plugin-socket')).toMatchObject({ severity: 'problem' })
    mkdirSync(sick.context.pluginFolder)
    await listen(createServer(), join(sick.context.pluginFolder, 'nutanix.sock'))
    expect(only(await look(), 'plugin-socket').severity).toBe('ok')
  })

  it.each([
    ['Before=docker.service', '', /waits 15 s for every volume/],
    ['KillMode=process\n', '', /kills the storage daemons/],
    ['KillMode=process\n', 'KillMode=process\nPrivateTmp=yes\n', /PrivateTmp= hides the volumes/],
    ['KillMode=process\n', 'KillMode=process\nProtectSystem=strict\n', /ProtectSystem= hides/],
    ['[Service]', 'Requires=docker.service\n[Service]', /stops the plugin under its volumes/],
  ])('with %j as %j have a fault', async (from, to, title) => {
    sick.write('units/acs-plugin.service', service.replace(from, to))
    const [finding, ...more] = ill(await look(), 'plugin-unit')
    expect(more).toEqual([])
    expect(finding).toMatchObject({ severity: 'problem', title: expect.stringMatching(title) as string })
  })

  it('are read with their drop-ins', async () => {
    sick.write('units/acs-plugin.service', service)
    sick.write('units/acs-plugin.service.d/local.conf', '[Service]\nProtectHome=tmpfs\n')
    expect(ill(await look(), 'plugin-unit')[0]?.title).toContain('ProtectHome= hides')
    sick.write('units/acs-plugin.service.d/later.conf', '[Service]\nProtectHome=no\n')
    // In the order of their names: later.conf, local.conf.
    expect(ill(await look(), 'plugin-unit')).toHaveLength(1)
    sick.write('units/acs-plugin.service.d/z.conf', '[Service]\nProtectHome=no\n')
    expect(ill(await look(), 'plugin-unit')).toEqual([])
  })
})

describe('Podman', () => {
  it('must know the plugin and wait for it', async () => {
    expect(only(await look(), 'podman').title).toBe('Podman is not installed')
    sick.answers.set('podman', { stdout: 'podman version 4.3.1\n' })
    sick.write('containers.conf', captured('containers.conf'))
    expect(only(await look(), 'podman')).toMatchObject({ severity: 'info' })
    const entry = `[engine.volume_plugins]\nnutanix = "${sick.context.pluginFolder}/nutanix.sock"\n`
    sick.write('containers.conf.d/a.conf', entry)
    const short = only(await look(), 'podman')
    expect(short).toMatchObject({ severity: 'problem' })
    expect(short.title).toContain('gives the plugin 5 s')
    sick.write('containers.conf.d/b.conf', '[engine]\nvolume_plugin_timeout = 120\n')
    expect(only(await look(), 'podman').severity).toBe('ok')
  })
})

describe('files', () => {
  it('that others may read are told and closed', async () => {
    const secret = sick.write('state/chap/11111111-2222-3333-4444-555555555555', 'secret-secret\n', 0o644)
    const password = sick.write('etc/acs/password', 'secret-secret\n', 0o640)
    chmodSync(sick.context.stateFolder, 0o777)
    const findings = await look()
    expect(ill(findings, 'secret-file').map(({ about }) => about)).toEqual([secret, password])
    expect(only(ill(findings, 'state-folder'), 'state-folder')).toMatchObject({ severity: 'problem' })
    expect(JSON.stringify(findings)).not.toContain('secret-secret')
    await applyFixes(findings, deadlineIn(5_000))
    const modes = [secret, password, sick.context.stateFolder].map((path) => statSync(path).mode & 0o777)
    expect(modes).toEqual([0o600, 0o600, 0o700])
    expect(ill(await look(), 'secret-file')).toEqual([])
  })

  it('of the configuration must make sense', async () => {
    sick.write('etc/acs/config.yaml', 'endpont: x\n')
    expect(ill(await look(), 'config-file')[0]?.title).toContain('endpont: there is no such setting')
  })
})

async function listen(server: Server, at: string | number = 0, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    if (typeof at === 'string') server.listen(at, resolve)
    else server.listen(at, host, resolve)
  })
  onTestFinished(() => void server.close())
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

/** A socket whose process is gone: Node unlinks the name it listened on, not the second one. */
async function makeStale(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.first`, resolve))
  linkSync(`${path}.first`, path)
  await new Promise<void>((resolve) => server.close(() => resolve()))
}
