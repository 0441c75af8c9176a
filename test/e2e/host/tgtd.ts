import { spawn } from 'node:child_process'
import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Debian's tgt as an independent iSCSI target, on a free port, with a control socket of its own. */
export interface Tgt {
  portal: string
  admin(...args: string[]): Promise<string>
  /** A target with one LUN on a sparse file. */
  addDisk(options: { targetName: string; serial: string; sizeBytes: number; blockSize?: number }): Promise<TgtDisk>
  /** No initiator may use the disk any longer; its sessions end. */
  revoke(disk: TgtDisk): Promise<void>
  close(): Promise<void>
}

export interface TgtDisk {
  tid: number
  file: string
  lun: number
  targetName: string
  serial: string
  sizeBytes: number
  portal: string
}

export async function startTgt(folder: string): Promise<Tgt> {
  const port = await freePort()
  const control = String(100 + Math.floor(Math.random() * 32_000))
  const portal = `127.0.0.1:${port}`
  const child = spawn('tgtd', ['-f', '-C', control, '--iscsi', `portal=${portal}`], { stdio: 'ignore', detached: true })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const admin = async (...args: string[]): Promise<string> =>
    (await run('tgtadm', ['-C', control, '--lld', 'iscsi', ...args])).stdout
  for (let tries = 0; ; tries += 1) {
    try {
      await admin('--op', 'show', '--mode', 'system')
      break
    } catch (error) {
      if (tries > 100) {
        child.kill('SIGKILL')
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  let tid = 0
  return {
    portal,
    admin,
    async addDisk({ targetName, serial, sizeBytes, blockSize }) {
      tid += 1
      const file = join(folder, `disk-${tid}.img`)
      await writeFile(file, '')
      await truncate(file, sizeBytes)
      await admin('--op', 'new', '--mode', 'target', '--tid', String(tid), '-T', targetName)
      const size = blockSize === undefined ? [] : ['--blocksize', String(blockSize)]
      await admin('--op', 'new', '--mode', 'logicalunit', '--tid', String(tid), '--lun', '1', '-b', file, ...size)
      await admin(
        ...['--op', 'update', '--mode', 'logicalunit', '--tid', String(tid), '--lun', '1'],
        ...['--params', `vendor_id=NUTANIX,product_id=VDISK,scsi_sn=${serial},thin_provisioning=1`],
      )
      await admin('--op', 'bind', '--mode', 'target', '--tid', String(tid), '-I', 'ALL')
      return { tid, file, lun: 1, targetName, serial, sizeBytes, portal }
    },
    async revoke({ tid: id }) {
      await admin('--op', 'unbind', '--mode', 'target', '--tid', String(id), '-I', 'ALL')
      const shown = await admin('--op', 'show', '--mode', 'conn', '--tid', String(id))
      for (const [, session] of shown.matchAll(/^Session: (\d+)/gm))
        await admin('--op', 'delete', '--mode', 'conn', '--tid', String(id), '--sid', session ?? '', '--cid', '0')
    },
    async close() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
