import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { mountFolder } from '../../../src/lib/volume/mount-point.js'
import { projectRoot } from '../cli/project.js'
import { temporaryFolder } from '../volume/fake-context.js'

const folder = join(projectRoot, 'packaging', 'sidekick')
const read = (name: string): string => readFileSync(join(folder, name), 'utf8')

/** Instructions of a Dockerfile: lines ending in `\` go on, comments are left out. */
function instructions(text: string): { name: string; argument: string }[] {
  return text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', argument = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
      return { name, argument: argument.replace(/\s+/g, ' ') }
    })
}

describe('the Dockerfile of the sidekick', () => {
  const found = instructions(read('Dockerfile'))

  it('is one that Docker knows, on Debian', () => {
    expect(found.map(({ name }) => name)).toEqual([
      'FROM',
      'RUN',
      'COPY',
      'COPY',
      'COPY',
      'COPY',
      'ENV',
      'STOPSIGNAL',
      'ENTRYPOINT',
    ])
    expect(found[0]?.argument).toMatch(/^node:\d+-bookworm-slim$/)
    const [, major = '0'] = /node:(\d+)/.exec(found[0]?.argument ?? '') ?? []
    const engines = (
      JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { engines: { node: string } }
    ).engines
    expect(Number(major)).toBeGreaterThanOrEqual(Number(/\d+/.exec(engines.node)?.[0]))
  })

  it('has every Debian package that acs uses at run time', () => {
    const list = execFileSync('bash', [join(projectRoot, 'scripts/debian-packages.sh'), 'runtime'], {
      encoding: 'utf8',
    })
    const installed = found.find(({ name }) => name === 'RUN')?.argument.split(' ') ?? []
    expect(
      list
        .trim()
        .split('\n')
        .filter((name) => !installed.includes(name)),
    ).toEqual([])
  })

  it('copies what is there, and the context has it', () => {
    const ignored = read('Dockerfile.dockerignore')
    for (const { argument } of found.filter(({ name }) => name === 'COPY')) {
      const sources = argument
        .split(' ')
        .filter((word) => !word.startsWith('--'))
        .slice(0, -1)
      for (const source of sources) {
        expect(existsSync(join(projectRoot, source)), source).toBe(true)
        expect(ignored).toMatch(new RegExp(`^!(${source}|${dirname(source)})(/acs\\.cjs\\*)?$`, 'm'))
      }
    }
    const [entrypoint] = JSON.parse(found.at(-1)?.argument ?? '') as string[]
    expect(entrypoint).toBe('/usr/local/lib/acs/start')
  })
})

describe('the compose file of the sidekick', () => {
  interface Mount {
    type: string
    source: string
    target: string
    bind?: { propagation?: string }
  }
  const { plugin } = (
    parse(read('compose.yaml')) as { services: { plugin: Record<string, unknown> & { volumes: Mount[] } } }
  ).services
  const mount = (target: string): Mount | undefined => plugin.volumes.find((each) => each.target === target)

  it('gives what iSCSI in a container needs (docker-protocols.md B.3)', () => {
    expect(plugin).toMatchObject({
      network_mode: 'host',
      pid: 'host',
      ipc: 'host',
      privileged: true,
      restart: 'always',
    })
    expect(mount('/dev')?.source).toBe('/dev')
    expect(mount('/host')).toMatchObject({ source: '/', bind: { propagation: 'rslave' } })
    expect(plugin.volumes.every(({ type }) => type === 'bind')).toBe(true)
  })

  it('shows Docker the socket and the mounts, by the same paths', () => {
    expect(mount('/run/docker/plugins')?.source).toBe('/run/docker/plugins')
    for (const path of [mountFolder, '/run/acs'])
      expect(mount(path)).toMatchObject({ source: path, bind: { propagation: 'rshared' } })
    for (const path of ['/var/lib/acs', '/etc/acs', '/etc/iscsi']) expect(mount(path)?.source).toBe(path)
  })

  it('has time to stop, and no secret', () => {
    expect(plugin.stop_grace_period).toBe('150s')
    expect(read('compose.yaml')).not.toMatch(/passw/i)
  })

  it('is built from here', () => {
    const { context, dockerfile } = plugin.build as { context: string; dockerfile: string }
    expect(existsSync(join(resolve(folder, context), dockerfile))).toBe(true)
  })
})

describe('the first process of the sidekick', () => {
  it("puts those of the host's tools in front that the host has, and becomes the plugin", async () => {
    const place = await temporaryFolder()
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(place, path)), { recursive: true })
      writeFileSync(join(place, path), text)
      chmodSync(join(place, path), 0o755)
    }
    // A host with iscsiadm and modprobe only.
    write(
      'bin/chroot',
      '#!/bin/sh\n[ "$1" = /host ] || exit 125\ncase "$4" in *iscsiadm|*modprobe) ;; *) exit 127 ;; esac\n',
    )
    write('bin/node', '#!/bin/sh\necho "node $*"\n')
    mkdirSync(join(place, 'tools'))
    const env = { PATH: `${place}/bin:/usr/bin:/bin`, ACS_TOOLS_FOLDER: join(place, 'tools') }
    const { stdout, stderr, status } = spawnSync(join(folder, 'start'), ['--name', 'x'], { env, encoding: 'utf8' })
    expect({ stdout, stderr, status }).toEqual({
      stdout: 'node /opt/acs/bin/run.js plugin serve --name x\n',
      stderr: '',
      status: 0,
    })
    expect(readdirSync(join(place, 'tools')).sort()).toEqual(['iscsiadm', 'modprobe'])
    expect(readlinkSync(join(place, 'tools', 'iscsiadm'))).toBe(join(folder, 'on-host'))
    // The links run the tool they are called as.
    write('bin/chroot', '#!/bin/sh\necho "$*"\n')
    const ran = spawnSync(join(place, 'tools', 'iscsiadm'), ['-m', 'a b'], { env, encoding: 'utf8' })
    expect(ran.stdout).toMatch(/^\/host \/usr\/bin\/env PATH=\S+ LC_ALL=C iscsiadm -m a b\n$/)
  })
})
