import { lstat, readdir, readlink, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { aliasPath, linkAlias } from '../../../src/lib/plugin/alias.js'
import { recordingLog } from '../../unit/plugin/scene.js'
import { temporaryFolder } from './server-lab.js'
import { openWire } from './wire.js'

async function socketIn(folder: string): Promise<string> {
  const path = join(folder, 'nutanix.sock')
  const server = createServer((connection) => connection.end())
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  return path
}

test('is found under the driver name of a managed plugin, and gone afterwards', async () => {
  const folder = await temporaryFolder()
  const log = recordingLog()
  const alias = await linkAlias(await socketIn(folder), log)
  ;(await openWire(join(folder, 'nutanix:latest.sock'))).hangUp()
  // dockerd takes sockets for plugins when it looks which there are, and no links.
  expect((await lstat(join(folder, 'nutanix:latest.sock'))).isSymbolicLink()).toBe(true)
  await alias.release()
  expect(await readdir(folder)).toEqual(['nutanix.sock'])
  expect(log.lines).toEqual([])
})

test.each(['nutanix.sock', 'absolute'])(
  'is taken over from a process that died, and from systemd: %s',
  async (kind) => {
    const folder = await temporaryFolder()
    const socket = await socketIn(folder)
    const log = recordingLog()
    await symlink(kind === 'absolute' ? socket : kind, aliasPath(socket))
    const alias = await linkAlias(socket, log)
    expect(log.lines).toEqual([])
    await alias.release()
    expect(await readdir(folder)).toEqual(['nutanix.sock'])
  },
)

test("leaves what is somebody else's, and says so", async () => {
  const folder = await temporaryFolder()
  const socket = await socketIn(folder)
  const log = recordingLog()
  await symlink('other.sock', aliasPath(socket))
  await (await linkAlias(socket, log)).release()
  expect(await readlink(aliasPath(socket))).toBe('other.sock')
  expect(log.lines).toMatchObject([{ level: 'warn', fields: { path: aliasPath(socket) } }])
})

test('is done without where a file is in its place', async () => {
  const folder = await temporaryFolder()
  const socket = await socketIn(folder)
  await writeFile(aliasPath(socket), '')
  await (await linkAlias(socket, recordingLog())).release()
  expect(await readdir(folder)).toEqual(['nutanix.sock', 'nutanix:latest.sock'])
})
