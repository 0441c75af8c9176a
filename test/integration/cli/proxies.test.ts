import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Simulator } from '../../../src/lib/sim/simulator.js'
import { startSimulator } from '../../simulator.js'
import { acs } from './acs.js'

const folder = mkdtempSync(join(tmpdir(), 'acs-proxies-'))
let simulator: Simulator
let proxy: Server
let proxied = 0

beforeAll(async () => {
  simulator = await startSimulator({ dataFolder: folder })
  proxy = createServer((socket) => {
    proxied += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  await new Promise((resolve) => proxy.close(resolve))
  await simulator.close()
  rmSync(folder, { recursive: true })
})

test('a proxy of the environment sees nothing: acs talks to Prism directly', async () => {
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const names = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()])
  const proxies = Object.fromEntries(names.map((name) => [name, url]))
  const { endpoint, username, passwordFile, fingerprint } = simulator
  const { code, stderr } = await acs(['cluster', 'show'], {
    ...proxies,
    // Node 24 and later: its own agents follow the variables then.
    NODE_USE_ENV_PROXY: '1',
    // Node 22 and later call that experimental, on stderr.
    NODE_NO_WARNINGS: '1',
    ACS_ENDPOINT: endpoint,
    ACS_USERNAME: username,
    ACS_PASSWORD_FILE: passwordFile,
    ACS_FINGERPRINT: fingerprint,
  })
  expect({ code, stderr, proxied }).toEqual({ code: 0, stderr: '', proxied: 0 })
})
