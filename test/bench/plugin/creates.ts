import { median, type BenchCluster } from '../cluster.js'
import type { Figure } from '../figure.js'
import { byHand } from './by-hand.js'
import { startPlugin, untilReady } from './plugin-process.js'

const atOnce = 10

/** 100 volumes, ten at a time, through the plugin and by curl, in turns. */
export async function benchCreates(cluster: BenchCluster, { rounds = 5, volumes = 100 } = {}): Promise<Figure[]> {
  const typed = byHand(cluster)
  const container = await storageContainer(cluster)
  const plugin = startPlugin(cluster)
  const ours: number[] = []
  const theirs: number[] = []
  const errors: string[] = []
  try {
    await untilReady(plugin)
    for (let round = 0; round < rounds; round += 1) {
      ours.push(
        await seconds(volumes, async (index) => {
          const { status, body } = await plugin.client.call('Create', {
            Name: `p-${round}-${index}`,
            Opts: { size: '1G' },
          })
          if (status !== 200) errors.push(String(body.Err))
        }),
      )
      theirs.push(await seconds(volumes, (index) => typed('create', `h-${round}-${index}`, container)))
    }
  } finally {
    await plugin.stop()
  }
  for (const error of errors) console.error(error)
  const ratios = ours.map((taken, round) => taken / (theirs[round] ?? Number.NaN))
  return [
    {
      name: `${volumes} volumes created ${atOnce} at a time, against the same by curl`,
      value: median(ratios),
      unit: 'x',
      bound: { most: 1 },
      note: `median of ${rounds} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}); ${median(ours).toFixed(2)} s against ${median(theirs).toFixed(2)} s`,
    },
    {
      name: 'errors among them',
      value: errors.length,
      unit: '',
      bound: { most: 0 },
      note: `of ${rounds * volumes} through the plugin`,
    },
  ]
}

/** Seconds that so many works take, ten at a time. */
async function seconds(count: number, work: (index: number) => Promise<unknown>): Promise<number> {
  const started = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return (performance.now() - started) / 1000
}

async function storageContainer(cluster: BenchCluster): Promise<string> {
  const { result } = JSON.parse(await cluster.acs('container', 'list', '--output', 'json')) as {
    result: { uuid: string }[]
  }
  const [first] = result
  if (!first) throw new Error('no storage container')
  return first.uuid
}
