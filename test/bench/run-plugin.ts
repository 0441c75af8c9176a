// npm run bench:plugin [-- --write]: the volume plugin as ratios and bounds in one run; --write puts them into README.md.
// Needs root and scripts/debian-packages.sh install test. Exits with 1 when a bound is missed.
import { parseArgs } from 'node:util'
import { benchAnswers } from './plugin/answers.js'
import { benchCreates } from './plugin/creates.js'
import { benchMount } from './plugin/mount.js'
import { benchSocketReady } from './plugin/socket-ready.js'
import { report } from './report.js'

// --only mount,creates: for whoever works on one of them.
const benches = { answers: benchAnswers, ready: benchSocketReady, mount: benchMount, creates: benchCreates }
const { values } = parseArgs({ options: { only: { type: 'string' }, write: { type: 'boolean' } } })
const chosen = Object.entries(benches).filter(([name]) => values.only?.split(',').includes(name) ?? true)
await report(
  'plugin figures',
  chosen.map(
    ([, bench]) =>
      (cluster) =>
        bench(cluster),
  ),
)
