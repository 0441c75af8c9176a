import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deadlineIn } from '../../../../src/lib/base/deadline.js'
import { expectSocket, socketOf } from '../../../../src/lib/plugin/check/socket.js'

let folder: string
const servers: Server[] = []

async function listen(path: string): Promise<void> {
  const server = createServer()
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(path, resolve))
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cks-'))
  await listen(join(folder, 'one.sock'))
  await mkdir(join(folder, 'two'))
  await listen(join(folder, 'two', 'two.sock'))
})

afterAll(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

describe('the socket of a plugin', () => {
  test('is a path as it is given', async () => {
    expect(await socketOf('/run/x', folder)).toBe('/run/x')
    expect(await socketOf('./x', folder)).toBe('./x')
    expect(await socketOf('x.sock', folder)).toBe('x.sock')
  })

  test('is found by name where dockerd looks for it', async () => {
    expect(await socketOf('one', folder)).toBe(join(folder, 'one.sock'))
    expect(await socketOf('two', folder)).toBe(join(folder, 'two', 'two.sock'))
    expect(await socketOf('none', folder)).toBe(join(folder, 'none.sock'))
  })

  test('takes connections, or the error says why not', async () => {
    await expectSocket(join(folder, 'one.sock'), deadlineIn(5_000))
    await expect(expectSocket(join(folder, 'none.sock'), deadlineIn(5_000))).rejects.toMatchObject({
      kind: 'timeout',
      code: 'EACSPLUGINUNREACHABLE',
      message: expect.stringContaining('ENOENT') as string,
    })
    await expect(expectSocket(join(folder, 'x'.repeat(120)), deadlineIn(5_000))).rejects.toMatchObject({
      code: 'EACSPLUGINUNREACHABLE',
    })
  })

  test('is not waited for once the run is cancelled', async () => {
    const cancelled = deadlineIn(5_000, AbortSignal.abort())
    await expect(expectSocket(join(folder, 'one.sock'), cancelled)).rejects.toMatchObject({ code: 'EACSINTERRUPTED' })
  })
})
