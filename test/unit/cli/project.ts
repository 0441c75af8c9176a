import { Config } from '@oclif/core'
import { fileURLToPath } from 'node:url'

export const projectRoot = fileURLToPath(new URL('../../..', import.meta.url))

/** oclif's configuration of this project, from its manifest: no bundle is needed. */
export function projectConfig(): Promise<Config> {
  return Config.load({ root: projectRoot, userPlugins: false, devPlugins: false })
}
