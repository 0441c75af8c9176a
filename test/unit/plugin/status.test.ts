import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import type { Runner } from '../../../src/lib/host/host.js'
import type { DockerMount, DockerPlugin } from '../../../src/lib/plugin/docker-api.js'
import { explainAbsence, notRunning, type AbsenceTools } from '../../../src/lib/plugin/status/absence.js'
import { containersByVolume } from '../../../src/lib/plugin/status/containers.js'
import { healthOf } from '../../../src/lib/plugin/status/health.js'
import { createPrismContact } from '../../../src/lib/plugin/status/prism-contact.js'
import type { DriverStatus, PluginStatus } from '../../../src/lib/plugin/status/schema.js'
import { temporaryFolder } from '../volume/fake-context.js'
import { pluginStatus, quietDriver, volumeStatus } from './driver-statuses.js'

const now = new Date('2026-01-02T03:04:10Z')

function status(change: Partial<PluginStatus> = {}, driver: Partial<DriverStatus> = {}): PluginStatus {
  return pluginStatus({ driver: { ...quietDriver, ...driver }, ...change })
}

const failure = { at: '2026-01-02T03:04:05Z', code: 'EACSX', message: 'it broke' }

describe('the health of a plugin', () => {
  const problems = (...of: Parameters<typeof status>): string[] => healthOf(status(...of), now).problems

  it('is good where nothing is wrong', () => {
    expect(healthOf(status(), now)).toEqual({ ready: true, problems: [] })
  })

  it.each(['starting', 'stopping'] as const)('is not ready while it is %s', (state) => {
    expect(healthOf(status({ state }), now)).toMatchObject({ ready: false, problems: [expect.stringContaining(state)] })
    expect(healthOf(status({ driver: null }), now).ready).toBe(false)
  })

  it('tells what is lost first, then the cluster', () => {
    const prism = { ...quietDriver.prism, state: 'unreachable' as const, lastError: failure }
    expect(problems({}, { prism, volumes: [volumeStatus({ state: 'lost' })] })).toEqual([
      expect.stringContaining('db was lost'),
      expect.stringContaining('the cluster does not answer: it broke (EACSX)'),
    ])
    expect(problems({}, { prism: { ...prism, state: 'refused' } })).toEqual([expect.stringContaining('refuses')])
    expect(problems({}, { prism: { ...prism, state: 'not-configured' } })).toEqual([
      expect.stringContaining('cannot be asked'),
    ])
    // Just started: it has not asked yet.
    expect(problems({}, { prism: { ...prism, state: 'unknown', lastError: null } })).toEqual([])
  })

  it('tells of an old list, an initiator that does not work, and calls that hang', () => {
    const cache = { ...quietDriver.cache, refreshedAt: '2026-01-02T02:04:10Z', lastError: failure }
    expect(problems({}, { cache })).toEqual(['the list of volumes is 1h old: it broke'])
    expect(problems({}, { initiator: null, initiatorError: failure })).toEqual([
      expect.stringContaining('no volume can be attached: it broke'),
    ])
    const call = { call: 'Mount', requestId: 'r', volume: 'db', since: '2026-01-02T03:01:10Z', step: null }
    expect(problems({ calls: [call] })).toEqual(['Mount db has been at work for 3m, longer than Docker waits'])
  })
})

describe('whether the cluster answers', () => {
  const fails = (kind: ConstructorParameters<typeof AcsError>[0]): Promise<never> =>
    Promise.reject(new AcsError(kind, 'EACSX', 'x'))

  it.each([
    ['timeout', 'unreachable'],
    ['auth', 'refused'],
    ['usage', 'not-configured'],
    ['precondition', 'not-configured'],
    ['not-found', 'reachable'],
    ['conflict', 'reachable'],
    ['failed', 'reachable'],
    ['interrupted', 'unknown'],
  ] as const)('a call that ends as %s says: %s', async (kind, state) => {
    const contact = createPrismContact()
    expect(contact.status()).toEqual({ state: 'unknown', answeredAt: null, lastError: null })
    await expect(contact.watch(fails(kind))).rejects.toMatchObject({ kind })
    expect(contact.status().state).toBe(state)
  })

  it('is what the last call shows; the last error stays to be read', async () => {
    const contact = createPrismContact()
    await contact.watch(fails('timeout')).catch(() => undefined)
    expect(await contact.watch(Promise.resolve(7))).toBe(7)
    expect(contact.status()).toMatchObject({ state: 'reachable', lastError: { code: 'EACSX', message: 'x' } })
  })

  it('one call that is late says nothing where another was answered meanwhile', async () => {
    const contact = createPrismContact()
    let giveUp: (error: Error) => void = () => undefined
    const late = contact.watch(new Promise((_resolve, reject) => (giveUp = reject)))
    await new Promise((resolve) => setTimeout(resolve, 5))
    await contact.watch(Promise.resolve())
    giveUp(new AcsError('timeout', 'EACSTIMEOUT', 'late'))
    await expect(late).rejects.toThrow('late')
    expect(contact.status().state).toBe('reachable')
  })
})

describe('the containers of volumes', () => {
  const mount = (volumeName: string, name: string, state = 'running', driver = 'nutanix'): DockerMount => ({
    volumeName,
    driver,
    container: { id: name, name, state },
  })

  it('are the active ones, by the volume itself', async () => {
    const mounts = [
      mount('db', 'a'),
      mount('db,size=20G', 'b'),
      mount('db', 'a'),
      mount('db', 'old', 'exited'),
      mount('x', 'c', 'running', 'local'),
    ]
    const found = await containersByVolume({ volumeMounts: () => Promise.resolve(mounts) }, deadlineIn(1_000))
    expect([...(found ?? [])]).toEqual([['db', ['a', 'b']]])
  })

  it('are unknown when Docker does not say', async () => {
    expect(
      await containersByVolume({ volumeMounts: () => Promise.reject(new Error('no')) }, deadlineIn(1_000)),
    ).toBeUndefined()
  })
})

describe('a plugin that does not run', () => {
  interface Scene {
    units?: Record<string, string>
    systemctl?: string
    plugins?: DockerPlugin[]
    socket?: 'answers' | 'stale'
    dead?: boolean
    name?: string
    others?: string[]
  }

  async function explained(scene: Scene): Promise<AcsError> {
    const folder = await temporaryFolder()
    const units = join(folder, 'units')
    mkdirSync(units)
    for (const [name, text] of Object.entries(scene.units ?? {})) writeFileSync(join(units, name), text)
    const socketPath = join(folder, 'p.sock')
    if (scene.socket) {
      const server = createServer()
      await new Promise<void>((resolve) =>
        server.listen(scene.socket === 'stale' ? `${socketPath}.first` : socketPath, resolve),
      )
      onTestFinished(() => void server.close())
      // A file that nobody listens on.
      if (scene.socket === 'stale') writeFileSync(socketPath, '')
    }
    const runner: Runner = {
      run: () =>
        scene.systemctl === undefined
          ? Promise.reject(new AcsError('precondition', 'EACSTOOLMISSING', 'no systemctl'))
          : Promise.resolve({ exitCode: 0, stdout: scene.systemctl, stderr: '' }),
    }
    const tools: AbsenceTools = {
      runner,
      docker: {
        plugins: () => (scene.plugins ? Promise.resolve(scene.plugins) : Promise.reject(new Error('no docker'))),
      },
      stateFolder: folder,
      unitFolders: [units],
      socketPath,
      deadline: deadlineIn(10_000),
    }
    const { name = 'nutanix', others = [] } = scene
    return notRunning(await explainAbsence({ name, others, dead: scene.dead ? [name] : [] }, tools), '/run/acs')
  }

  const managed = (enabled: boolean, runtimeFolder = ''): DockerPlugin => ({
    name: 'nutanix:latest',
    enabled,
    settings: { ACS_PLUGIN_FOLDER: '/mnt/acs', ACS_RUN_DIR: runtimeFolder },
  })
  const unit = { 'acs-plugin.service': '[Service]\n' }

  it('and is not installed', async () => {
    const error = await explained({})
    expect(error).toMatchObject({ kind: 'not-found', code: 'EACSPLUGINDOWN' })
    expect(error.message).toBe('the volume plugin "nutanix" does not run; it is not installed')
    expect(error.hints).toEqual(['acs plugin install', 'Without systemd: acs plugin serve'])
  })

  it('and whose service failed', async () => {
    const error = await explained({
      units: unit,
      systemctl: 'Result=exit-code\nActiveState=failed\n',
      socket: 'answers',
      dead: true,
    })
    expect(error.message).toBe(
      'the volume plugin "nutanix" does not run, and did not end in order; acs-plugin.service is failed (exit-code)',
    )
    expect(error.hints).toEqual([
      'systemctl start acs-plugin.socket acs-plugin.service',
      'journalctl -u acs-plugin -n 50',
    ])
  })

  it('and waits in the socket of systemd', async () => {
    const error = await explained({
      units: unit,
      systemctl: 'ActiveState=inactive\nResult=success\n',
      socket: 'answers',
    })
    expect(error.message).toContain('acs-plugin.service is inactive; systemd listens on ')
  })

  it('and is installed where no systemd answers', async () => {
    expect((await explained({ units: unit })).message).toContain('acs-plugin.service is installed')
  })

  it('and has another name', async () => {
    const error = await explained({ name: 'other', others: ['mine'], units: { 'acs-plugin-other.service': '' } })
    expect(error.message).toContain('"other" does not run; "mine" does; acs-plugin-other.service is installed')
    expect(error.hints[0]).toBe('acs plugin status --name mine')
  })

  it('and left a socket that nobody listens on', async () => {
    const error = await explained({ socket: 'stale' })
    expect(error.message).toMatch(/its socket .*p\.sock is stale, and Docker waits 15 s for it/)
    expect(error.hints[0]).toMatch(/^acs doctor --fix {3}or rm .*p\.sock$/)
  })

  it('while somebody else listens in its place', async () => {
    const error = await explained({ socket: 'answers' })
    expect(error.message).toMatch(/somebody else listens on .*p\.sock/)
  })

  it('as a managed one: disabled, elsewhere, or too old to tell', async () => {
    const disabled = await explained({ plugins: [managed(false)] })
    expect(disabled.message).toBe(
      'the volume plugin "nutanix" does not run; the managed plugin nutanix:latest is disabled',
    )
    expect(disabled.hints).toEqual(['docker plugin enable --timeout 0 nutanix:latest'])
    const elsewhere = await explained({ plugins: [managed(true, '/run/other')] })
    expect(elsewhere.hints).toEqual(['It tells of itself elsewhere: ACS_RUN_DIR=/run/other acs plugin status'])
    const old = await explained({ plugins: [managed(true), { name: 'x', enabled: true, settings: {} }] })
    expect(old.hints).toEqual([expect.stringContaining('journalctl -u docker')])
  })
})
