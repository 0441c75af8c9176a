import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createRunner } from '../../../src/lib/host/exec.js'
import { installPlugin } from '../../../src/lib/plugin/install/install.js'
import { requirement } from '../../requirements.js'

const able = requirement("Podman's lines", [
  'root',
  { tool: 'podman' },
  { tool: 'unshare' },
  { folder: '/etc/containers' },
])
const name = `acs-podman-${process.pid}`
/** Longer than Podman waits by default. */
const slowMs = 6_500

/** A plugin that knows no volume and takes its time to make one. */
function slowPlugin(): Server {
  return createServer((request, response) => {
    request.resume()
    const answer = (status: number, body: object): void => {
      response.writeHead(status).end(JSON.stringify(body))
    }
    if (request.url === '/Plugin.Activate') answer(200, { Implements: ['VolumeDriver'] })
    else if (request.url === '/VolumeDriver.Get') answer(404, { Err: 'no such volume' })
    else setTimeout(() => answer(200, { Err: '' }), slowMs)
  })
}

describe.skipIf(!able)("Podman's lines", () => {
  let folder: string
  let plugin: Server

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'acs-pod-'))
    cpSync('/etc/containers', join(folder, 'containers'), { recursive: true })
    mkdirSync('/run/docker/plugins', { recursive: true })
    plugin = slowPlugin()
    await new Promise<void>((resolve) => plugin.listen(`/run/docker/plugins/${name}.sock`, resolve))
  })
  afterAll(() => {
    plugin.closeAllConnections()
    plugin.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** With a /etc/containers of its own, in a mount namespace of its own. */
  async function createVolume(etcContainers: string): Promise<string> {
    const script = `mount --bind "$1" /etc/containers && exec podman --root "$2/root" --runroot "$2/run" --storage-driver vfs volume create --driver ${name} v`
    const { stdout } = await promisify(execFile)('unshare', ['-m', 'sh', '-c', script, 'sh', etcContainers, folder])
    return stdout.trim()
  }

  it('make Podman find the plugin, and wait for it', async () => {
    await expect(createVolume(join(folder, 'containers'))).rejects.toThrow(
      /no volume plugin|volume_plugins|does not exist|not found/i,
    )
    const tree = join(folder, 'tree')
    mkdirSync(tree)
    await installPlugin(
      { name, program: ['/usr/bin/acs'], podman: true, prefix: tree, dryRun: false },
      { runner: createRunner(), deadline: deadlineIn(10_000), report: () => undefined },
    )
    cpSync(join(tree, 'etc/containers'), join(folder, 'containers'), { recursive: true })
    const started = performance.now()
    expect(await createVolume(join(folder, 'containers'))).toBe('v')
    expect(performance.now() - started).toBeGreaterThan(slowMs)
  })
})
