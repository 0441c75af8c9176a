import { setTimeout as sleep } from 'node:timers/promises'
import { median, type BenchCluster } from '../cluster.js'
import type { Figure } from '../figure.js'
import { startPlugin } from './plugin-process.js'

/** From the start of the process until a connection to the socket has had its first answer. */
export async function benchSocketReady(cluster: BenchCluster, rounds = 21): Promise<Figure[]> {
  const times: number[] = []
  // The first one warms the disk's cache.
  for (let round = -1; round < rounds; round += 1) {
    const ms = await once(cluster)
    if (round >= 0) times.push(ms)
  }
  const figure = { unit: 'ms', bound: { most: 300 } }
  const how = `of ${rounds} starts, until Plugin.Activate is answered`
  return [
    { ...figure, name: 'acs plugin serve: start to socket ready', value: median(times), note: `median ${how}` },
    { ...figure, name: 'the slowest of them', value: Math.max(...times), note: `largest ${how}` },
  ]
}

async function once(cluster: BenchCluster): Promise<number> {
  const started = performance.now()
  const plugin = startPlugin(cluster)
  try {
    for (;;) {
      const answer = await plugin.client.call('Plugin.Activate').catch(() => undefined)
      if (answer?.status === 200) return performance.now() - started
      if (performance.now() - started > 30_000) throw new Error(`no answer: ${plugin.log()}`)
      await sleep(1)
    }
  } finally {
    await plugin.stop()
  }
}
