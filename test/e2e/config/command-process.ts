/** One acs command from its source in a process of its own: `context:add lab --endpoint ...`. */
import type { Config } from '@oclif/core'
import { projectConfig } from '../../unit/cli/project.js'

interface Runnable {
  run(args: string[], config: Config): Promise<unknown>
}

const [id = '', ...argv] = process.argv.slice(2)
const module = (await import(`../../../src/commands/${id.replaceAll(':', '/')}.ts`)) as { default: Runnable }
await module.default.run(argv, await projectConfig()).catch(() => {
  // The command has told the user already; what is left is that it failed.
  process.exitCode = 1
})
