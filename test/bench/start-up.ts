import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { repository, type BenchCluster } from './cluster.js'
import type { Figure } from './figure.js'

/** The whole process of `acs volume list`, network and all, in turns with bare `node -e 0`. */
export async function benchStartUp(cluster: BenchCluster): Promise<Figure[]> {
  await cluster.acs('volume', 'create', 'first', '--size', '1G')
  return [measure(cluster, ['volume', 'list']), measure(cluster, ['volume', 'list', '--help'])]
}

function measure(cluster: BenchCluster, command: string[]): Figure {
  const script = join(repository, 'scripts', 'start-up.mjs')
  const { stdout, status } = spawnSync(process.execPath, [script, '--runs', '31', '--json', '--', ...command], {
    env: cluster.env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`start-up.mjs failed with ${status}`)
  const { ratioMinimum, ratioMedian } = JSON.parse(stdout) as { ratioMinimum: number; ratioMedian: number }
  return {
    name: `acs ${command.join(' ')}: start to end, against node -e 0`,
    value: ratioMinimum,
    unit: 'x',
    bound: { most: 4.5 },
    note: `minimum of 31; median ${ratioMedian}`,
  }
}
