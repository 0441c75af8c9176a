import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { link, lstat, mkdir, readdir, symlink, unlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { onTestFinished, expect, test } from 'vitest'
import { listenAt, systemdSocket, type OpenSocket } from '../../../src/lib/plugin/socket.js'
import { temporaryFolder } from './server-lab.js'
import { openWire } from './wire.js'

async function listen(path: string): Promise<{ server: Server; socket: OpenSocket; close: () => Promise<void> }> {
  const server = createServer((connection) => connection.end())
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  const socket = await listenAt(server, { path })
  onTestFinished(() => void server.close())
  return { server, socket, close }
}

/** A socket whose process died without a word. */
async function leaveDead(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', script]), 'exit')
  expect((await lstat(path)).isSocket()).toBe(true)
}

test('has mode 0600 whatever the umask, in a folder that others may enter, and nothing besides', async () => {
  const folder = await temporaryFolder()
  const before = process.umask(0o077)
  onTestFinished(() => void process.umask(before))
  const path = join(folder, 'docker', 'plugins', 'p.sock')
  await listen(path)
  expect(process.umask()).toBe(0o077)
  expect((await lstat(path)).mode & 0o777).toBe(0o600)
  expect((await lstat(join(folder, 'docker', 'plugins'))).mode & 0o777).toBe(0o755)
  expect(await readdir(join(folder, 'docker', 'plugins'))).toEqual(['p.sock'])
  ;(await openWire(path)).hangUp()
})

test('leaves the mode of a folder that was there', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'mine'), { mode: 0o700 })
  await listen(join(folder, 'mine', 'p.sock'))
  expect((await lstat(join(folder, 'mine'))).mode & 0o777).toBe(0o700)
})

test('takes the place of a dead one', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'p.sock')
  await leaveDead(path)
  await listen(path)
  ;(await openWire(path)).hangUp()
  expect(await readdir(folder)).toEqual(['p.sock'])
})

test('refuses the place of a living one, which goes on', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'p.sock')
  await listen(path)
  await expect(listen(path)).rejects.toMatchObject({
    kind: 'conflict',
    code: 'EACSPLUGINRUNNING',
    message: `another process answers on ${path}`,
  })
  ;(await openWire(path)).hangUp()
  expect(await readdir(folder)).toEqual(['p.sock'])
})

test('of many that start at once over a dead one, one wins, and it can be reached', async () => {
  for (let round = 0; round < 20; round += 1) {
    const folder = await temporaryFolder()
    const path = join(folder, 'p.sock')
    await leaveDead(path)
    const servers = Array.from({ length: 8 }, () => createServer((connection) => connection.end()))
    const starts = await Promise.allSettled(servers.map((server) => listenAt(server, { path })))
    const winners = servers.filter((_server, index) => starts[index]!.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    for (const start of starts)
      if (start.status === 'rejected') expect(start.reason).toMatchObject({ code: 'EACSPLUGINRUNNING' })
    const reached = once(winners[0]!, 'connection')
    ;(await openWire(path)).hangUp()
    await reached
    expect(await readdir(folder)).toEqual(['p.sock'])
    for (const winner of winners) winner.close()
  }
})

test.each([
  ['a file', (path: string) => writeFile(path, 'mine')],
  ['a folder', (path: string) => mkdir(path)],
  ['a dangling link', (path: string) => symlink('nowhere', path)],
])('does not touch %s that stands there', async (_what, put) => {
  const folder = await temporaryFolder()
  const path = join(folder, 'p.sock')
  await put(path)
  const before = await lstat(path)
  await expect(listen(path)).rejects.toMatchObject({ kind: 'usage', code: 'EACSSOCKETPATH' })
  expect((await lstat(path)).ino).toBe(before.ino)
  expect(await readdir(folder)).toEqual(['p.sock'])
})

test('is taken away at the end, but not when it is another one by then', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'p.sock')
  const first = await listen(path)
  await first.socket.release()
  await first.close()
  expect(await readdir(folder)).toEqual([])

  const second = await listen(path)
  await unlink(path)
  const third = await listen(path)
  await second.socket.release()
  await second.close()
  ;(await openWire(path)).hangUp()
  await third.socket.release()
  await third.socket.release()
  expect(await readdir(folder)).toEqual([])
})

test('a path of 107 bytes works, one of 108 is told so', async () => {
  const folder = await temporaryFolder()
  const ofLength = (bytes: number): string => join(folder, `${'x'.repeat(bytes - folder.length - 6)}.sock`)
  await listen(ofLength(107))
  ;(await openWire(ofLength(107))).hangUp()
  await expect(listen(ofLength(107))).rejects.toMatchObject({ code: 'EACSPLUGINRUNNING' })
  await expect(listen(ofLength(108))).rejects.toMatchObject({
    code: 'EACSSOCKETPATH',
    message: expect.stringContaining('it has 108 bytes, and 1 to 107 fit') as string,
  })
  await expect(listen('')).rejects.toMatchObject({ code: 'EACSSOCKETPATH' })
  await expect(listen(join(folder, 'a\0b'))).rejects.toMatchObject({ code: 'EACSSOCKETPATH' })
})

test('a folder that cannot be made is told so', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'file'), '')
  await expect(listen(join(folder, 'file', 'p.sock'))).rejects.toMatchObject({ code: 'EACSSOCKETPATH' })
})

test("a second name for a living socket is another's socket, too", async () => {
  const folder = await temporaryFolder()
  await listen(join(folder, 'a.sock'))
  await link(join(folder, 'a.sock'), join(folder, 'b.sock'))
  await expect(listen(join(folder, 'b.sock'))).rejects.toMatchObject({ code: 'EACSPLUGINRUNNING' })
})

test("systemd's socket is the one passed to this very process", () => {
  expect(systemdSocket({ LISTEN_PID: '7', LISTEN_FDS: '1' }, 7)).toEqual({ fd: 3 })
  expect(systemdSocket({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7)).toEqual({ fd: 3 })
  for (const environment of [
    {},
    { LISTEN_PID: '8', LISTEN_FDS: '1' },
    { LISTEN_FDS: '1' },
    { LISTEN_PID: '7' },
    { LISTEN_PID: '7', LISTEN_FDS: '0' },
    { LISTEN_PID: '7', LISTEN_FDS: 'x' },
  ])
    expect(systemdSocket(environment, 7)).toBeUndefined()
})

test('a descriptor that is no listening socket is told so', async () => {
  await expect(listenAt(createServer(), { fd: 9_999 })).rejects.toMatchObject({ code: 'EACSSOCKETPATH' })
})
