import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { acsPath, median, type BenchCluster } from './cluster.js'
import type { Figure } from './figure.js'
import { fill } from './fill.js'

const groups = 5_000

/** `acs volume list` of 5,000 volume groups: seconds and peak memory of the whole process. */
export async function benchListing(cluster: BenchCluster): Promise<Figure[]> {
  await fill(cluster, { groups, description: 'filled by the bench' })
  const runs = []
  for (let round = 0; round < 5; round += 1) runs.push(await listOnce(cluster))
  return [
    {
      name: `acs volume list of ${groups} volume groups`,
      value: median(runs.map((run) => run.seconds)),
      unit: 's',
      bound: { most: 2 },
      note: 'median of 5, whole process',
    },
    {
      name: 'its peak resident memory',
      value: Math.max(...runs.map((run) => run.peakMiB)),
      unit: 'MiB',
      bound: { most: 200 },
      note: 'largest of 5, VmHWM',
    },
  ]
}

/** Runs it with its output thrown away after counting; reads VmHWM, which only grows, until the end. */
async function listOnce(cluster: BenchCluster): Promise<{ seconds: number; peakMiB: number }> {
  const started = performance.now()
  const child = spawn(process.execPath, [acsPath, 'volume', 'list', '--output', 'json'], {
    env: cluster.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  let peakKiB = 0
  const sampling = setInterval(() => {
    peakKiB = Math.max(peakKiB, residentPeakKiB(child.pid))
  }, 5)
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearInterval(sampling)
  const seconds = (performance.now() - started) / 1000
  if (code !== 0) throw new Error(`acs volume list ended with ${String(code)}`)
  const { result } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { result: unknown[] }
  if (result.length < groups) throw new Error(`listed ${result.length} of ${groups}`)
  return { seconds, peakMiB: peakKiB / 1024 }
}

function residentPeakKiB(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
