import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSparseDisk } from '../../../src/lib/sim/store/sparse-disk.js'
import type { SparseDisk } from '../../../src/lib/sim/store/sparse-disk.js'
import type { IscsiTarget } from '../../../src/lib/sim/iscsi/target.js'
import { requirement } from '../../requirements.js'
import { startTestTarget, targetName } from './test-target.js'
import type { Permissions } from './test-target.js'

const run = promisify(execFile)
const uuid = '792cd764-37b5-4da3-7ef1-0123456789ab'
const mib = 1024 ** 2

let folder: string
let disk: SparseDisk
let permissions: Permissions
let target: IscsiTarget

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-iscsi-'))
  disk = await openSparseDisk(join(folder, 'disk'), { uuid, sizeBytes: 64 * mib })
  permissions = { disks: new Map([[0, disk]]) }
  target = await startTestTarget(permissions)
})
afterEach(async () => {
  await target.close()
  await disk.close()
  await rm(folder, { recursive: true })
})

function url(): string {
  return `iscsi://${target.dataServices}/${targetName}/0`
}

/** stdout and stderr; throws with both when the tool fails. */
async function tool(command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout, stderr } = await run(command, args, { env: { ...process.env, ...env }, timeout: 30_000 })
  return stdout + stderr
}

describe.skipIf(!requirement('libiscsi tools', [{ tool: 'iscsi-ls' }, { tool: 'iscsi-inq' }]))('libiscsi', () => {
  it('lists the targets, and none to a stranger', async () => {
    expect(await tool('iscsi-ls', ['-s', `iscsi://${target.dataServices}`])).toMatch(
      new RegExp(`Target:${targetName} Portal:${target.dataServices},1\\nLun:0 +Type:DIRECT_ACCESS \\(Size:63M\\)`),
    )
    permissions.allowed = new Set(['iqn.x:friend'])
    expect(await tool('iscsi-ls', [`iscsi://${target.dataServices}`])).not.toContain('Target:')
    expect(await tool('iscsi-ls', ['-i', 'iqn.x:friend', `iscsi://${target.dataServices}`])).toContain(targetName)
    await expect(tool('iscsi-inq', [url()])).rejects.toThrow(/Failed/i)
  })

  it('reads identity and capacity', async () => {
    const inquiry = await tool('iscsi-inq', [url()])
    expect(inquiry).toContain('Vendor:NUTANIX')
    expect(inquiry).toContain('Product:VDISK')
    expect(await tool('iscsi-inq', ['-e', '1', '-c', '128', url()])).toContain(uuid)
    expect(await tool('iscsi-readcapacity16', [url()])).toContain(`Total size:${64 * mib}`)
  })

  it('logs in with the right secret only', async () => {
    permissions.chap = { username: 'user', secret: 'right-secret-12' }
    const env = { LIBISCSI_CHAP_USERNAME: 'user', LIBISCSI_CHAP_PASSWORD: 'right-secret-12' }
    expect(await tool('iscsi-inq', [url()], env)).toContain('VDISK')
    await expect(tool('iscsi-inq', [url()], { ...env, LIBISCSI_CHAP_PASSWORD: 'wrong-secret-12' })).rejects.toThrow(
      /authentication failure/i,
    )
    await expect(tool('iscsi-inq', [url()])).rejects.toThrow(/Failed/i)
  })
})

describe.skipIf(!requirement('QEMU over iSCSI', [{ tool: 'qemu-img' }, { tool: 'qemu-io' }]))('QEMU', () => {
  it('sees the size', async () => {
    expect(await tool('qemu-img', ['info', url()])).toContain('virtual size: 64 MiB')
  })

  it('reads back what it wrote, and zeros where it discarded', async () => {
    const io = async (...commands: string[]): Promise<string> =>
      tool('qemu-io', ['-f', 'raw', '-d', 'unmap', ...commands.flatMap((one) => ['-c', one]), url()])
    const written = await io('write -P 0x5a 0 8M', 'write -P 0xa5 5M 4k', 'flush', 'read -P 0xa5 5M 4k')
    expect(written).not.toMatch(/failed|error/i)
    const before = disk.allocatedBytes()
    const zeroed = await io(
      'discard 1M 2M',
      'read -P 0 1M 2M',
      'read -P 0x5a 3M 1M',
      'write -z -u 6M 1M',
      'read -P 0 6M 1M',
    )
    expect(zeroed).not.toMatch(/failed|error/i)
    expect(before - disk.allocatedBytes()).toBeGreaterThanOrEqual(3 * mib)
  })

  it('copies an image through, byte for byte', async () => {
    const image = join(folder, 'image')
    const source = await openSparseDisk(image, { uuid, sizeBytes: 64 * mib })
    for (let at = 0; at < 64; at += 7) await source.write(at * mib, Buffer.alloc(300_000 + at, `block ${at}`))
    await source.close()
    await tool('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', image, url()])
    expect(await tool('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', image, url()])).toContain(
      'Images are identical',
    )
  })

  it('survives load at depth, in small and large requests', async () => {
    for (const size of ['4096', '65536', '1048576'])
      for (const direction of [[], ['-w']]) {
        const bench = ['bench', '-t', 'none', '-f', 'raw', '-c', '500', '-d', '32', '-s', size, ...direction, url()]
        expect(await tool('qemu-img', bench)).toContain('Run completed')
      }
  })
})
