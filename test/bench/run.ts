// npm run bench [-- --write]: ratios and bounds measured in one run; --write puts them into README.md.
// Needs qemu-img and tgt (scripts/debian-packages.sh install test). Exits with 1 when a bound is missed.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { repository, startCluster, type BenchCluster } from './cluster.js'
import { isKept, row, type Figure } from './figure.js'
import { benchListing } from './listing.js'
import { benchStartUp } from './start-up.js'
import { benchTarget } from './target.js'

const figures: Figure[] = []
const lines = ['| what | measured | bound | | how |', '|---|---|---|---|---|']
console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown processor'}`)
for (const line of lines) console.log(line)
for (const bench of [benchStartUp, benchTarget, benchListing]) await measure(bench)

if (process.argv.includes('--write')) {
  const path = join(repository, 'README.md')
  const table = `<!-- figures -->\n\n${lines.join('\n')}\n\n<!-- figuresstop -->`
  writeFileSync(path, readFileSync(path, 'utf8').replace(/<!-- figures -->[\s\S]*?<!-- figuresstop -->/, table))
}
process.exitCode = figures.every(isKept) ? 0 : 1

async function measure(bench: (cluster: BenchCluster) => Promise<Figure[]>): Promise<void> {
  const cluster = await startCluster()
  try {
    for (const figure of await bench(cluster)) {
      figures.push(figure)
      lines.push(row(figure))
      console.log(row(figure))
    }
  } finally {
    cluster.stop()
  }
}
