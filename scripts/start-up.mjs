// How long acs takes to start, as a ratio to bare `node -e 0`, measured in turns in one run.
// node scripts/start-up.mjs [--runs N] [--limit RATIO] [--json] [-- ARGUMENTS OF ACS]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './commands.mjs'

const { values, positionals } = parseArgs({
  options: { runs: { type: 'string', default: '31' }, limit: { type: 'string' }, json: { type: 'boolean' } },
  allowPositionals: true,
})
const acs = positionals.length > 0 ? positionals : ['volume', 'list', '--help']
const home = mkdtempSync(join(tmpdir(), 'acs-start-up-'))

// Node 20 parses the file of NODE_EXTRA_CA_CERTS at each start, which triples the time of bare node.
const environment = { ...process.env, HOME: home, NODE_EXTRA_CA_CERTS: undefined, NODE_OPTIONS: undefined }
const subjects = { bare: ['-e', '0'], acs: [join(root, 'bin', 'run.js'), ...acs] }
const times = { bare: [], acs: [] }

try {
  for (let run = -2; run < Number(values.runs); run += 1)
    for (const [name, args] of Object.entries(subjects)) {
      const started = performance.now()
      spawnSync(process.execPath, args, { env: environment, stdio: 'ignore' })
      // The first two warm the disk's cache.
      if (run >= 0) times[name].push(performance.now() - started)
    }
} finally {
  rmSync(home, { recursive: true })
}

const minimum = Math.min(...times.acs) / Math.min(...times.bare)
const median = middle(times.acs) / middle(times.bare)
const result = {
  command: `acs ${acs.join(' ')}`,
  runs: times.acs.length,
  ratioMinimum: round(minimum),
  ratioMedian: round(median),
}
if (values.json) console.log(JSON.stringify(result))
else
  console.log(
    `${result.command}: ${result.ratioMinimum} x bare node (minimum of ${result.runs}), ${result.ratioMedian} x (median)`,
  )
if (values.limit && minimum > Number(values.limit)) {
  console.error(`More than ${values.limit} x bare node`)
  process.exitCode = 1
}

function middle(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]
}

function round(value) {
  return Math.round(value * 100) / 100
}
