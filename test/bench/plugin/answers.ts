import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { withTrailer } from '../../../src/lib/volume/trailer.js'
import type { BenchCluster } from '../cluster.js'
import type { Figure } from '../figure.js'
import { fill } from '../fill.js'
import type { Asked } from './asker.js'
import { startPlugin, untilReady, type PluginProcess } from './plugin-process.js'

export interface AnswersOptions {
  volumes: number
  /** How often `List` and `Get` are called, `everyMs` apart. */
  calls: number
  everyMs: number
  /** How long nothing is asked of the plugin before its memory is read. */
  settleMs: number
}

/** The plugin asks for all volumes every 30 s: so long a run has that in it. */
const defaults: AnswersOptions = { volumes: 5_000, calls: 1_000, everyMs: 40, settleMs: 40_000 }

const slowMs = 2_000

const run = promisify(execFile)

/** `List` and `Get` while Prism takes 2 s for an answer, and what the plugin weighs when nothing is asked of it. */
export async function benchAnswers(cluster: BenchCluster, options: Partial<AnswersOptions> = {}): Promise<Figure[]> {
  const { volumes, calls, everyMs, settleMs } = { ...defaults, ...options }
  const fresh = await withPlugin(cluster, async (plugin) => {
    await untilReady(plugin)
    await sleep(settleMs)
    return plugin.residentMiB()
  })
  const description = withTrailer({ before: '', after: '' }, { v: 1, fs: 'ext4' })
  await fill(cluster, { groups: volumes, description })
  return withPlugin(cluster, async (plugin) => {
    await untilReady(plugin, volumes)
    await cluster.acs(
      'sim',
      'fault',
      'add',
      'delay',
      '--data',
      cluster.data,
      '--value',
      String(slowMs),
      '--until-cleared',
    )
    const { list, get } = await ask(plugin, { volumes, calls, everyMs })
    await cluster.acs('sim', 'fault', 'clear', '--data', cluster.data)
    await sleep(settleMs)
    const full = plugin.residentMiB()
    const note = (times: readonly number[]): string =>
      `p99 of ${calls}, one each ${everyMs} ms, Prism at ${slowMs / 1000} s; median ${quantile(times, 0.5).toFixed(1)}, largest ${quantile(times, 1).toFixed(1)} ms`
    return [
      {
        name: `VolumeDriver.List of ${volumes} volumes`,
        value: quantile(list, 0.99),
        unit: 'ms',
        bound: { most: 20 },
        note: note(list),
      },
      {
        name: `VolumeDriver.Get, one of ${volumes} volumes`,
        value: quantile(get, 0.99),
        unit: 'ms',
        bound: { most: 5 },
        note: note(get),
      },
      {
        name: `idle plugin that knows ${volumes} volumes: resident memory`,
        value: full,
        unit: 'MiB',
        bound: { most: 200 },
        note: `VmRSS ${settleMs / 1000} s after those calls`,
      },
      {
        name: 'idle plugin that knows none: resident memory',
        value: fresh,
        unit: 'MiB',
        bound: { most: 100 },
        note: `VmRSS ${settleMs / 1000} s after its start`,
      },
    ]
  })
}

async function ask(
  { socket }: PluginProcess,
  { volumes, calls, everyMs }: Pick<AnswersOptions, 'volumes' | 'calls' | 'everyMs'>,
): Promise<Asked> {
  const script = join(import.meta.dirname, 'asker.ts')
  const args = ['--import', 'tsx', script, socket, String(calls), String(everyMs), String(volumes)]
  const { stdout } = await run(process.execPath, args, {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined },
    maxBuffer: 16 * 1024 ** 2,
  })
  return JSON.parse(stdout) as Asked
}

async function withPlugin<T>(cluster: BenchCluster, use: (plugin: PluginProcess) => Promise<T>): Promise<T> {
  const plugin = startPlugin(cluster)
  try {
    return await use(plugin)
  } finally {
    await plugin.stop()
  }
}

/** Nearest rank. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
