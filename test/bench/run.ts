// npm run bench [-- --write]: ratios and bounds measured in one run; --write puts them into README.md.
// Needs qemu-img and tgt (scripts/debian-packages.sh install test). Exits with 1 when a bound is missed.
import { benchListing } from './listing.js'
import { report } from './report.js'
import { benchStartUp } from './start-up.js'
import { benchTarget } from './target.js'

await report('figures', [benchStartUp, benchTarget, benchListing])
