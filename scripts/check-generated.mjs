// Fails when a generated and committed file is not what the commands say. Needs a built dist/acs.cjs.
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { root } from './commands.mjs'
import { generated } from './generated.mjs'

const stale = (await generated())
  .filter(({ path, content }) => !existsSync(path) || readFileSync(path, 'utf8') !== content)
  .map(({ path }) => relative(root, path))

if (stale.length > 0) {
  console.error(`Stale: ${stale.join(', ')}. Run npm run manifest and commit the result.`)
  process.exitCode = 1
}
