import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../../src/lib/base/deadline.js'
import { AcsError } from '../../../../src/lib/base/errors.js'
import { judgeUnit } from '../../../../src/lib/doctor/plugin-unit.js'
import { parseUnit } from '../../../../src/lib/host/systemd-unit.js'
import {
  installPlugin,
  uninstallPlugin,
  type InstallRequest,
  type InstallTools,
} from '../../../../src/lib/plugin/install/install.js'
import { execLine, serviceUnit, socketUnit } from '../../../../src/lib/plugin/install/units.js'
import { requirement } from '../../../requirements.js'
import { temporaryFolder } from '../../volume/fake-context.js'

const program = [process.execPath, '/opt/acs/bin/run.js']
const ran: string[] = []
const tools: InstallTools = {
  deadline: deadlineIn(20_000),
  report: () => undefined,
  runner: {
    run: (command, args) => {
      ran.push([command, ...args].join(' '))
      return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' })
    },
  },
}

let tree: string
beforeEach(async () => {
  tree = await temporaryFolder()
  ran.length = 0
})

const request = (more: Partial<InstallRequest> = {}): InstallRequest => ({
  name: 'nutanix',
  program,
  podman: false,
  prefix: tree,
  dryRun: false,
  ...more,
})
const uninstall = (more = {}) =>
  uninstallPlugin(
    { name: 'nutanix', prefix: tree, force: false, dryRun: false, stateFolder: join(tree, 'state'), ...more },
    tools,
  )
const files = (): string[] =>
  readdirSync(tree, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(tree, path)).isFile())
    .sort()
const unit = (name: string): string => readFileSync(join(tree, 'etc/systemd/system', name), 'utf8')

describe('installing', () => {
  it('writes units and configuration, and nothing the second time', async () => {
    const first = await installPlugin(request({ podman: true }), tools)
    expect(first.files.map(({ action }) => action)).toEqual(Array(5).fill('written'))
    const written = files()
    expect(written).toEqual([
      'etc/acs/config.yaml',
      'etc/acs/plugin.yaml',
      'etc/containers/containers.conf.d/acs.conf',
      'etc/systemd/system/acs-plugin.service',
      'etc/systemd/system/acs-plugin.socket',
    ])
    const second = await installPlugin(request({ podman: true }), tools)
    expect(second.files.map(({ action }) => action)).toEqual(Array(5).fill('unchanged'))
    expect(files()).toEqual(written)
    // A tree is not the machine.
    expect(ran).toEqual([])
  })

  it('does nothing when it is to say what it would do', async () => {
    const { files: planned } = await installPlugin(request({ dryRun: true }), tools)
    expect(planned).toHaveLength(4)
    expect(files()).toEqual([])
  })

  it('follows a program that has moved, and leaves configuration alone', async () => {
    await installPlugin(request(), tools)
    writeFileSync(join(tree, 'etc/acs/plugin.yaml'), 'linger: 5s\n')
    const { files: changes } = await installPlugin(request({ program: ['/usr/bin/acs'] }), tools)
    expect(changes.map(({ action }) => action)).toEqual(['unchanged', 'replaced', 'kept', 'unchanged'])
    expect(unit('acs-plugin.service')).toContain('\nExecStart=/usr/bin/acs plugin serve\n')
    expect(readFileSync(join(tree, 'etc/acs/plugin.yaml'), 'utf8')).toBe('linger: 5s\n')
  })

  it("touches no unit of somebody else's", async () => {
    const path = join(tree, 'etc/systemd/system/acs-plugin.service')
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, '[Service]\n')
    await expect(installPlugin(request(), tools)).rejects.toMatchObject({ code: 'EACSEXISTS' })
    expect(files()).toEqual(['etc/systemd/system/acs-plugin.service'])
    expect((await uninstall()).files).toEqual([{ path: '/etc/systemd/system/acs-plugin.service', action: 'kept' }])
  })

  it('gives another name other units, and refuses a second plugin', async () => {
    await installPlugin(request({ name: 'acs' }), tools)
    expect(unit('acs-plugin-acs.socket')).toContain('ListenStream=/run/docker/plugins/acs.sock')
    expect(unit('acs-plugin-acs.service')).toMatch(/ plugin serve --name acs\n/)
    await expect(installPlugin(request(), tools)).rejects.toMatchObject({
      code: 'EACSEXISTS',
      hints: ['To rename it: acs plugin uninstall --name acs, then again'],
    })
    await uninstall({ name: 'acs' })
    await installPlugin(request(), tools)
  })

  it.each(['', '../x', 'Acs', 'a b', 'a/b', '-a'])('refuses the name %j', async (name) => {
    await expect(installPlugin(request({ name }), tools)).rejects.toMatchObject({ code: 'EACSNAME' })
    await expect(uninstall({ name })).rejects.toMatchObject({ code: 'EACSNAME' })
  })
})

describe('on a machine with systemd', () => {
  const here = { prefix: undefined }
  let machine: InstallTools
  beforeEach(() => {
    machine = { ...tools, root: tree, systemdRuns: () => Promise.resolve(true) }
  })

  it('starts the socket before the service, and again only the service when nothing has changed', async () => {
    const { commands, next } = await installPlugin(request(here), machine)
    expect(commands).toEqual([
      'systemctl daemon-reload',
      'systemctl stop acs-plugin.service acs-plugin.socket',
      'systemctl enable --now acs-plugin.socket',
      'systemctl enable acs-plugin.service',
      'systemctl restart acs-plugin.service',
    ])
    expect(ran).toEqual(commands)
    expect(next.join()).toContain('/etc/acs/password')
    ran.length = 0
    await installPlugin(request(here), machine)
    expect(ran).toEqual([
      'systemctl enable --now acs-plugin.socket',
      'systemctl enable acs-plugin.service',
      'systemctl start acs-plugin.service',
    ])
    ran.length = 0
    await installPlugin(request({ ...here, program: ['/usr/bin/acs'] }), machine)
    // The socket stays: Docker's calls wait in it.
    expect(ran).toContain('systemctl restart acs-plugin.service')
    expect(ran.join()).not.toContain('stop')
  })

  it('stops the plugin before its units go', async () => {
    await installPlugin(request(here), machine)
    ran.length = 0
    const seen: boolean[] = []
    const run: InstallTools['runner']['run'] = (command, args, options) => {
      seen.push(existsSync(join(tree, 'etc/systemd/system/acs-plugin.service')))
      return tools.runner.run(command, args, options)
    }
    await uninstallPlugin(
      { name: 'nutanix', force: false, dryRun: false, stateFolder: join(tree, 'state') },
      { ...machine, runner: { run } },
    )
    expect(ran).toEqual(['systemctl disable --now acs-plugin.socket acs-plugin.service', 'systemctl daemon-reload'])
    expect(seen).toEqual([true, false])
  })

  it('tells what systemd said when it refuses', async () => {
    const run: InstallTools['runner']['run'] = () =>
      Promise.reject(new AcsError('failed', 'EACSCOMMAND', 'x', { details: { stderr: 'Unit is masked.' } }))
    await expect(installPlugin(request(here), { ...machine, runner: { run } })).rejects.toMatchObject({
      code: 'EACSSYSTEMD',
      message: 'systemd refused "systemctl daemon-reload": Unit is masked.',
    })
  })
})

describe('uninstalling', () => {
  it('removes what was written, and not what was changed', async () => {
    await installPlugin(request({ podman: true }), tools)
    writeFileSync(join(tree, 'etc/acs/plugin.yaml'), 'linger: 5s\n')
    writeFileSync(join(tree, 'etc/acs/password'), 'secret\n')
    const { files: changes } = await uninstall()
    expect(changes.find(({ path }) => path === '/etc/acs/plugin.yaml')?.action).toBe('kept')
    expect(files()).toEqual(['etc/acs/password', 'etc/acs/plugin.yaml'])
    expect(existsSync(join(tree, 'etc/containers/containers.conf.d'))).toBe(false)
    expect((await uninstall()).files).toEqual([{ path: '/etc/acs/plugin.yaml', action: 'kept' }])
  })

  it('is refused while containers use volumes, unless forced', async () => {
    const uuid = '11111111-2222-3333-4444-555555555555'
    const kept = { v: 1, uuid, name: 'db', target: 't', mountPoint: '/mnt/acs/db', bootId: 'b' }
    const write = (ids: object[]): void => {
      mkdirSync(join(tree, 'state/references'), { recursive: true })
      writeFileSync(join(tree, `state/references/${uuid}.json`), JSON.stringify({ ...kept, ids }))
    }
    // On the machine itself, which has no such unit.
    const here = { name: 'acs-test-of-uninstall', prefix: undefined, dryRun: true }
    write([{ id: 'x', at: '2026-01-02T03:04:05Z' }])
    await expect(uninstall(here)).rejects.toMatchObject({ code: 'EACSINUSE', kind: 'conflict' })
    expect(await uninstall({ ...here, force: true })).toMatchObject({ commands: [] })
    write([])
    expect(await uninstall(here)).toMatchObject({ commands: [] })
  })
})

describe('the units', () => {
  it('are what acs doctor wants', () => {
    const asked = { name: 'nutanix', program }
    for (const [name, text] of [
      ['acs-plugin.socket', socketUnit(asked)],
      ['acs-plugin.service', serviceUnit(asked)],
    ] as const)
      expect(judgeUnit(name, parseUnit(text), []).map(({ severity }) => severity)).toEqual(['ok'])
  })

  it('have what Docker needs of them (docker-protocols.md A.7)', () => {
    const service = parseUnit(serviceUnit({ name: 'nutanix', program }))
    const socket = parseUnit(socketUnit({ name: 'nutanix', program }))
    const setting = (from: typeof service, section: string, key: string): string =>
      (from.get(section)?.get(key) ?? []).join(' ')
    expect(setting(socket, 'Socket', 'SocketMode')).toBe('0600')
    expect(setting(socket, 'Socket', 'RemoveOnStop')).toBe('yes')
    // By this name containers of a managed plugin ask for it.
    expect(setting(socket, 'Socket', 'Symlinks')).toBe('/run/docker/plugins/nutanix:latest.sock')
    expect(setting(socket, 'Unit', 'Before')).toContain('docker.service')
    expect(setting(socket, 'Install', 'WantedBy')).toBe('sockets.target')
    expect(setting(service, 'Unit', 'Requires')).toBe('acs-plugin.socket')
    expect(setting(service, 'Unit', 'After')).toContain('iscsid.service')
    expect(setting(service, 'Service', 'KillMode')).toBe('process')
    expect(setting(service, 'Service', 'Restart')).toBe('always')
    expect(setting(service, 'Service', 'TimeoutStopSec')).toBe('150')
  })

  const able = requirement('units for systemd', [{ tool: 'systemd-analyze' }])
  it.skipIf(!able)('are understood by systemd', async () => {
    await installPlugin(request({ program: ['/usr/bin/env', '/opt/a b/50%/"acs"$'] }), tools)
    const paths = ['socket', 'service'].map((end) => join(tree, 'etc/systemd/system', `acs-plugin.${end}`))
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })

  it('quote their command as systemd reads it', () => {
    expect(execLine(['/usr/bin/node', '/opt/acs/run.js', '--name', 'a.b_c-d'])).toBe(
      '/usr/bin/node /opt/acs/run.js --name a.b_c-d',
    )
    expect(execLine(['/a b', 'c"d', 'e\\f', '50%', '$HOME'])).toBe('"/a b" "c\\"d" "e\\\\f" 50%% $$HOME')
  })

  it('and the command is one that acs has', () => {
    const help = execFileSync(
      process.execPath,
      [join(import.meta.dirname, '../../../../bin/run.js'), 'plugin', 'serve', '--help'],
      { encoding: 'utf8' },
    )
    expect(help).toContain('--name')
  })
})
