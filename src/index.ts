/** What the bundle exports; bin/run.js calls it. */
export { main } from './lib/cli/main.js'
