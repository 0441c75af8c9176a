import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { readdirSync, statSync } from 'node:fs'
import { median, type BenchCluster } from './cluster.js'
import type { Figure } from './figure.js'

/** The name qemu-img logs in with. */
const qemuInitiator = 'iqn.2008-11.org.linux-kvm'
const sizeBytes = 1024 ** 3
const tgtControlPort = '19'

interface Pattern {
  name: string
  args: string[]
}

// qemu-img bench knows no random offsets; a stride of a prime number of blocks visits them in scattered order.
const patterns: Pattern[] = [
  { name: '4 KiB scattered reads', args: ['-s', '4096', '-S', String(4096 * 7919), '-c', '40000'] },
  { name: '4 KiB scattered writes', args: ['-w', '-s', '4096', '-S', String(4096 * 7919), '-c', '40000'] },
  { name: '64 KiB sequential reads', args: ['-s', '65536', '-c', '16000'] },
  { name: '64 KiB sequential writes', args: ['-w', '-s', '65536', '-c', '16000'] },
]

/** The simulator's iSCSI target against Debian's tgt on the very same file, in turns: requests a second as a ratio. */
export async function benchTarget(cluster: BenchCluster): Promise<Figure[]> {
  await cluster.acs('volume', 'create', 'bench-target', '--size', '1G')
  await cluster.acs('volume', 'attach', 'bench-target', '--initiator', qemuInitiator)
  const portal = cluster.env.ACS_DATA_SERVICES ?? ''
  const shown = await cluster.acs('volume', 'show', 'bench-target', '--output', 'json')
  const target = /"target":\s*"([^"]+)"/.exec(shown)?.[1]
  if (!target) throw new Error(`acs volume show names no target: ${shown}`)
  const ours = `iscsi://${portal}/${target}/0`
  fill(ours)
  const peer = await startTgt(diskFile(cluster))
  try {
    return patterns.map((pattern) => compare(pattern, ours, peer.url))
  } finally {
    await peer.stop()
  }
}

function compare(pattern: Pattern, ours: string, peer: string): Figure {
  const ratios: number[] = []
  for (let round = 0; round < 5; round += 1) ratios.push(seconds(pattern, peer) / seconds(pattern, ours))
  return {
    name: `acs sim's target, ${pattern.name}, against tgt`,
    value: median(ratios),
    unit: 'x',
    bound: { least: 0.7 },
    note: `qemu-img bench, depth 32, same file; median of 5 (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  }
}

function seconds(pattern: Pattern, url: string): number {
  const { stdout, stderr, status } = spawnSync(
    'qemu-img',
    ['bench', '-f', 'raw', '-t', 'none', '-d', '32', ...pattern.args, url],
    { encoding: 'utf8' },
  )
  const match = /Run completed in ([\d.]+) seconds/.exec(stdout)
  if (status !== 0 || !match) throw new Error(`qemu-img bench ${url}: ${stderr}`)
  return Number(match[1])
}

/** Holes read faster than data: every block is written once first. */
function fill(url: string): void {
  seconds({ name: 'fill', args: ['-w', '--pattern', '165', '-s', '1048576', '-c', String(sizeBytes / 1024 ** 2)] }, url)
}

/** The simulator's file of the volume: the only one of its size. */
function diskFile(cluster: BenchCluster): string {
  const files = readdirSync(join(cluster.folder, 'cluster'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(cluster.folder, 'cluster', name))
    .filter((path) => statSync(path).isFile() && statSync(path).size === sizeBytes && statSync(path).blocks > 0)
  const [file] = files.sort((a, b) => statSync(b).blocks - statSync(a).blocks)
  if (!file) throw new Error('the simulator has no file for the volume')
  return file
}

async function startTgt(file: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort()
  const tgtd = spawn('tgtd', ['-f', '-C', tgtControlPort, '--iscsi', `portal=127.0.0.1:${port}`], { stdio: 'ignore' })
  const admin = (...args: string[]): boolean =>
    spawnSync('tgtadm', ['-C', tgtControlPort, '--lld', 'iscsi', ...args], { stdio: 'ignore' }).status === 0
  const name = 'iqn.2026-11.test:peer'
  await until(() => admin('--mode', 'target', '--op', 'new', '--tid', '1', '-T', name))
  if (!admin('--mode', 'logicalunit', '--op', 'new', '--tid', '1', '--lun', '1', '-b', file)) throw new Error('tgtadm')
  if (!admin('--mode', 'target', '--op', 'bind', '--tid', '1', '-I', 'ALL')) throw new Error('tgtadm')
  return { url: `iscsi://127.0.0.1:${port}/${name}/1`, stop: () => end(tgtd, admin) }
}

async function end(tgtd: ChildProcess, admin: (...args: string[]) => boolean): Promise<void> {
  const ended = new Promise((resolve) => tgtd.on('close', resolve))
  admin('--mode', 'target', '--op', 'delete', '--force', '--tid', '1')
  tgtd.kill('SIGKILL')
  await ended
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('tgtd does not answer')
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port)
        else reject(new Error('no port'))
      })
    })
  })
}
