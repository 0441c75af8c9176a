import { setTimeout as sleep } from 'node:timers/promises'
import { median, type BenchCluster } from '../cluster.js'
import type { Figure } from '../figure.js'
import { byHand } from './by-hand.js'
import { placeIn, startPlugin, untilReady, type PluginProcess } from './plugin-process.js'

/**
 * Mount of a formatted volume, from Prism to the mount table, against by-hand.sh on the very same volume, in turns.
 * Between any two it is unmounted, detached, and free on the cluster again.
 */
export async function benchMount(cluster: BenchCluster, rounds = 15): Promise<Figure[]> {
  await cluster.acs('volume', 'create', 'bench', '--size', '1G')
  const { uuid } = await shown(cluster)
  const typed = byHand(cluster)
  const place = `${placeIn(cluster)}/by-hand`
  const plugin = startPlugin(cluster, { config: ['linger: 0s', 'log: debug'] })
  try {
    await untilReady(plugin, 1)
    // Formats it, and warms the caches of both.
    await mountOnce(cluster, plugin)
    await typed('mount', uuid, place)
    await typed('unmount', uuid, place)
    const ours: number[] = []
    const theirs = { mount: [] as number[], least: [] as number[] }
    for (let round = 0; round < rounds; round += 1) {
      ours.push(await mountOnce(cluster, plugin))
      for (const how of ['mount', 'least'] as const) {
        theirs[how].push(Number(await typed(how, uuid, place)) * 1000)
        await typed('unmount', uuid, place)
      }
    }
    return [
      {
        name: 'Mount of a formatted volume, against the same steps typed by hand',
        ...against(ours, theirs.mount),
        bound: { most: 1.15 },
      },
      { name: 'and against the least that mounts it, with no look at what it is', ...against(ours, theirs.least) },
    ]
  } catch (error) {
    console.error(plugin.log().slice(-20_000))
    throw error
  } finally {
    await plugin.stop()
  }
}

/** By the median of the ratios of each round. */
function against(ours: readonly number[], theirs: readonly number[]): Pick<Figure, 'value' | 'unit' | 'note'> {
  const ratios = ours.map((ms, round) => ms / (theirs[round] ?? Number.NaN))
  return {
    value: median(ratios),
    unit: 'x',
    note: `median of ${ours.length} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}); ${median(ours).toFixed(0)} ms against ${median(theirs).toFixed(0)} ms; test/bench/plugin/by-hand.sh`,
  }
}

/** Milliseconds of a Mount; returns once the volume is free again. */
async function mountOnce(cluster: BenchCluster, { client }: PluginProcess): Promise<number> {
  const body = { Name: 'bench', ID: 'bench' }
  const started = performance.now()
  await client.ok('Mount', body)
  const ms = performance.now() - started
  await client.ok('Unmount', body)
  const end = Date.now() + 30_000
  while ((await shown(cluster)).state !== 'free') {
    if (Date.now() > end) throw new Error('the plugin does not let go of the volume')
    await sleep(100)
  }
  return ms
}

async function shown(cluster: BenchCluster): Promise<{ uuid: string; state: string }> {
  const { result } = JSON.parse(await cluster.acs('volume', 'show', 'bench', '--output', 'json')) as {
    result: { uuid: string; state: string }
  }
  return result
}
