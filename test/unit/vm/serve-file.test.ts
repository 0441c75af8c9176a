import { createHash, randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { serveFile } from '../../../src/lib/vm/serve-file.js'
import { temporaryFolder } from '../volume/fake-context.js'

const towards = { host: '127.0.0.1', port: 9440 }
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('a file for the cluster', () => {
  it('is served whole and in parts, on the address that leads to the cluster, and nowhere else', async () => {
    const path = join(await temporaryFolder(), 'debian 12.img')
    const content = randomBytes(300_000)
    await writeFile(path, content)
    const told: string[] = []
    const served = await serveFile(path, { towards, onProgress: (text) => told.push(text) })
    try {
      const url = new URL(served.url)
      expect(url.hostname).toBe('127.0.0.1')
      expect(url.pathname).toMatch(/^\/[0-9a-f]{32}\/debian%2012\.img$/)
      expect(served.wasAsked()).toBe(false)
      const whole = await fetch(served.url)
      expect(whole.headers.get('content-length')).toBe('300000')
      expect(sha(new Uint8Array(await whole.arrayBuffer()))).toBe(sha(content))
      expect(told.at(-1)).toBe('fetched 293 KiB of 293 KiB')
      const part = await fetch(served.url, { headers: { range: 'bytes=299990-' } })
      expect(part.status).toBe(206)
      expect(part.headers.get('content-range')).toBe('bytes 299990-299999/300000')
      expect(sha(new Uint8Array(await part.arrayBuffer()))).toBe(sha(content.subarray(299_990)))
      expect((await fetch(served.url, { method: 'HEAD' })).headers.get('accept-ranges')).toBe('bytes')
      for (const other of ['/', '/debian%2012.img', `${url.pathname}/..`])
        expect((await fetch(url.origin + other)).status).toBe(404)
      expect((await fetch(served.url, { method: 'PUT', body: 'x' })).status).toBe(404)
      expect(served.wasAsked()).toBe(true)
    } finally {
      await served.close()
    }
    await expect(fetch(served.url)).rejects.toThrow()
  })

  it.each([
    ['that is not there', 'nothing', 'EACSFILE'],
    ['that is a folder', 'folder', 'EACSFILE'],
    ['that is empty', 'empty', 'EACSFILE'],
  ])('%s is refused', async (_what, name, code) => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'folder'))
    await writeFile(join(folder, 'empty'), '')
    await expect(serveFile(join(folder, name), { towards })).rejects.toMatchObject({ code })
  })

  it('on an address that this machine does not have says which flag to use', async () => {
    const path = join(await temporaryFolder(), 'disk.img')
    await writeFile(path, 'disk')
    await expect(serveFile(path, { towards, on: '192.0.2.1' })).rejects.toMatchObject({
      code: 'EACSSERVE',
      hints: [expect.stringContaining('--serve-on') as string],
    })
  })
})
