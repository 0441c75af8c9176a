import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { repository, startCluster, type BenchCluster } from './cluster.js'
import { isKept, row, type Figure } from './figure.js'

/** Measures on a simulated cluster of its own. */
export type Bench = (cluster: BenchCluster) => Promise<Figure[]>

/**
 * Runs benches one after the other and prints their figures as a table; with `--write` the table goes into README.md
 * too, between `<!-- MARK -->` and `<!-- MARKstop -->`. The process ends with 1 when a bound is missed.
 */
export async function report(mark: string, benches: readonly Bench[]): Promise<void> {
  const figures: Figure[] = []
  const lines = ['| what | measured | bound | | how |', '|---|---|---|---|---|']
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown processor'}`)
  for (const line of lines) console.log(line)
  for (const bench of benches)
    for (const figure of await measure(bench)) {
      figures.push(figure)
      lines.push(row(figure))
      console.log(row(figure))
    }
  if (process.argv.includes('--write')) writeTable(mark, lines)
  process.exitCode = figures.every(isKept) ? 0 : 1
}

async function measure(bench: Bench): Promise<Figure[]> {
  const cluster = await startCluster()
  try {
    return await bench(cluster)
  } finally {
    cluster.stop()
  }
}

function writeTable(mark: string, lines: readonly string[]): void {
  const path = join(repository, 'README.md')
  const table = `<!-- ${mark} -->\n\n${lines.join('\n')}\n\n<!-- ${mark}stop -->`
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(new RegExp(`<!-- ${mark} -->[\\s\\S]*?<!-- ${mark}stop -->`), table),
  )
}
