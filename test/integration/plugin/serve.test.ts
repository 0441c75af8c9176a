import { spawn } from 'node:child_process'
import { access, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { requirement } from '../../requirements.js'
import { call, socketPath, startServe } from './serve-lab.js'

test('SIGTERM finishes the call at work, closes the driver and the socket, and ends with 0', async () => {
  const socket = await socketPath()
  const plugin = await startServe({ socket, createMs: 400 })
  await plugin.says(`listening ${socket}`)
  const answer = call(socket, 'VolumeDriver.Create', { Name: 'x' })
  await expect.poll(() => call(socket, 'VolumeDriver.Get', { Name: 'db' }).then(({ status }) => status)).toBe(200)
  plugin.child.kill('SIGTERM')
  await expect
    .poll(() =>
      access(socket).then(
        () => 'there',
        () => 'gone',
      ),
    )
    .toBe('gone')
  // Nothing to reload any more, and no reason to die.
  plugin.child.kill('SIGHUP')
  expect((await answer).status).toBe(200)
  expect(await plugin.ended).toBe(0)
  expect(plugin.said()).toEqual([`listening ${socket}`, 'making', 'closed', 'ended'].sort(byAppearance(plugin.said())))
  await expect(access(socket)).rejects.toMatchObject({ code: 'ENOENT' })
  const log = plugin.log()
  expect(log.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['listening', 'ready', 'done', 'stopped']))
  expect(log.find(({ call: name }) => name === 'Create')).toMatchObject({ volume: 'x', outcome: 'ok', level: 'info' })
})

test('what takes longer than the drain is cancelled', async () => {
  const socket = await socketPath()
  const plugin = await startServe({ socket, createMs: 60_000, drainMs: 100 })
  await plugin.says('making')
  const answer = call(socket, 'VolumeDriver.Create', { Name: 'x' })
  await expect.poll(() => call(socket, 'VolumeDriver.Get', { Name: 'db' }).then(({ status }) => status)).toBe(200)
  plugin.child.kill('SIGINT')
  expect((await answer).body).toContain('EACSINTERRUPTED')
  expect(await plugin.ended).toBe(0)
})

test('SIGHUP reloads, one at a time, and a failure changes nothing', async () => {
  const socket = await socketPath()
  const plugin = await startServe({ socket, makingMs: 200, reload: 'fails' })
  await plugin.says('making')
  // Before the driver is there: it waits, and does not end the process as SIGHUP would by itself.
  plugin.child.kill('SIGHUP')
  await plugin.says('reload')
  expect((await call(socket, 'VolumeDriver.Get', { Name: 'db' })).status).toBe(200)
  plugin.child.kill('SIGTERM')
  expect(await plugin.ended).toBe(0)
  expect(plugin.log().find(({ level }) => level === 'error')?.msg).toContain('could not reload')
})

test('a driver that cannot be made ends it with the reason, once the waiting calls have it, too', async () => {
  const socket = await socketPath()
  const plugin = await startServe({ socket, makingMs: 300, broken: true })
  await plugin.says(`listening ${socket}`)
  const answer = await call(socket, 'VolumeDriver.Create', { Name: 'x' })
  expect(answer.body).toContain('line 3 is no YAML')
  expect(await plugin.ended).toBe(1)
  expect(plugin.said()).toContain('failed EACSCONFIG')
  await expect(access(socket)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('SIGTERM while the driver is in the making ends it', async () => {
  const socket = await socketPath()
  const plugin = await startServe({ socket, makingMs: 60_000 })
  await plugin.says('making')
  const waiting = call(socket, 'VolumeDriver.Create', { Name: 'x' })
  await expect.poll(() => call(socket, 'Plugin.Activate', {}).then(({ status }) => status)).toBe(200)
  plugin.child.kill('SIGTERM')
  await waiting.catch(() => undefined)
  expect(await plugin.ended).toBe(0)
})

test('a living plugin at the same place is not disturbed', async () => {
  const socket = await socketPath()
  const first = await startServe({ socket })
  await first.says(`listening ${socket}`)
  const second = await startServe({ socket })
  expect(await second.ended).toBe(1)
  expect(second.said()).toEqual(['failed EACSPLUGINRUNNING'])
  expect((await call(socket, 'VolumeDriver.Get', { Name: 'db' })).status).toBe(200)
})

test('after kill -9 the next one takes the place', async () => {
  const socket = await socketPath()
  const first = await startServe({ socket })
  await first.says(`listening ${socket}`)
  first.child.kill('SIGKILL')
  await first.ended
  await access(socket)
  const second = await startServe({ socket })
  await second.says(`listening ${socket}`)
  expect((await call(socket, 'VolumeDriver.Get', { Name: 'db' })).status).toBe(200)
})

test.each(['', '../x', 'A', 'a/b', '.x'])('no path is made of the name %j', async (name) => {
  const plugin = await startServe({ name })
  expect(await plugin.ended).toBe(1)
  expect(plugin.said()).toEqual(['failed EACSNAME'])
})

/** O_CLOEXEC of open(2). */
const closeOnExec = 0o2000000
const canActivate = requirement('socket activation', [{ tool: 'python3' }])
test.skipIf(!canActivate)(
  'a socket passed by systemd is used, left in place, and not handed on to children',
  async () => {
    const socket = await socketPath()
    // What systemd does: descriptor 3, and the process's own number in the environment.
    const script = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(${JSON.stringify(socket)}); s.listen(16)
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ['LISTEN_FDS'] = '1'; os.environ['LISTEN_PID'] = str(os.getpid())
os.execv(sys.argv[1], sys.argv[1:])`
    const plugin = await startServe({}, ['python3', '-c', script, process.execPath])
    await plugin.says("listening systemd's socket")
    expect((await call(socket, 'VolumeDriver.Get', { Name: 'db' })).status).toBe(200)
    const [, flags = ''] = /^flags:\s+(\d+)$/m.exec(await readFile(`/proc/${plugin.child.pid}/fdinfo/3`, 'utf8'))!
    expect(parseInt(flags, 8) & closeOnExec).not.toBe(0)
    plugin.child.kill('SIGTERM')
    expect(await plugin.ended).toBe(0)
    // systemd's own end listens on, and the next start serves who waits there.
    await access(socket)
  },
)

describe('start-up', () => {
  test('the socket listens within 300 ms of the start of the process, however long the driver takes', async () => {
    const [listening, bare]: [number[], number[]] = [[], []]
    for (let round = 0; round < 3; round += 1) {
      const socket = await socketPath()
      const nothing = await socketPath()
      const since = performance.now()
      const node = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(nothing)})`])
      await reachable(nothing)
      bare.push(Math.round(performance.now() - since))
      node.kill('SIGKILL')
      const plugin = await startServe({ socket, makingMs: 60_000 })
      await reachable(socket)
      listening.push(Math.round(performance.now() - plugin.startedAt))
      expect((await call(socket, 'Plugin.Activate', {})).status).toBe(200)
      plugin.child.kill('SIGTERM')
      await plugin.ended
    }
    process.stderr.write(
      `plugin start-up: listening after ${listening.join(', ')} ms, a bare node ${bare.join(', ')} ms\n`,
    )
    // On a machine so busy that node alone takes long, what the plugin adds to it is what counts.
    expect(Math.min(...listening)).toBeLessThan(Math.max(300, 3 * Math.min(...bare)))
  })

  test('nothing but the protocol is loaded before it listens', async () => {
    const { metafile } = await build({
      entryPoints: [fileURLToPath(new URL('../../../src/lib/plugin/serve.ts', import.meta.url))],
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      outdir: '/nowhere',
      write: false,
      metafile: true,
      logLevel: 'silent',
    })
    const outputs = Object.entries(metafile.outputs)
    const loaded = new Set<string>()
    const follow = (path: string): void => {
      const output = metafile.outputs[path]!
      for (const input of Object.keys(output.inputs)) loaded.add(input)
      for (const { path: next, kind, external } of output.imports)
        if (kind === 'import-statement' && external !== true) follow(next)
    }
    follow(outputs.find(([, { entryPoint }]) => entryPoint?.endsWith('serve.ts'))![0])
    const files = [...loaded].sort()
    expect(files).toContain('src/lib/plugin/server.ts')
    expect(files.filter((file) => !/^src\/lib\/(plugin|base)\/[\w-]+\.ts$/.test(file))).toEqual([])
    // What would be loaded later is known to this test.
    expect(outputs.flatMap(([, { inputs }]) => Object.keys(inputs)).some((file) => file.includes('valibot'))).toBe(true)
  })
})

/** Tries without a pause: what is waited for is the moment it listens. */
async function reachable(path: string): Promise<void> {
  for (;;) {
    const there = await new Promise<boolean>((resolve) => {
      const probe = connect(path)
      probe.once('connect', () => resolve(true)).once('error', () => resolve(false))
      probe.once('connect', () => probe.destroy())
    })
    if (there) return
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** The driver is begun when the socket listens; which of the two is said first does not matter. */
function byAppearance(said: readonly string[]): (one: string, other: string) => number {
  return (one, other) => said.indexOf(one) - said.indexOf(other)
}
