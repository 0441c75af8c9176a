import { AcsError } from '../base/errors.js'
import { readConfig } from './config-file.js'
import { findContext } from './contexts.js'
import { configFile, type Environment } from './paths.js'
import type { Context } from './schema.js'

/** The context that `--context`, ACS_CONTEXT or `current` names. Throws EACSNOCONTEXT. */
export async function currentContext(
  name: string | undefined,
  env: Environment,
): Promise<{ name: string; context: Context }> {
  const config = await readConfig(configFile(env))
  const chosen = name ?? (env.ACS_CONTEXT || config.current)
  if (chosen !== undefined) return { name: chosen, context: findContext(config, chosen) }
  const known = Object.keys(config.contexts)
  throw new AcsError('not-found', 'EACSNOCONTEXT', 'there is no current context', {
    details: { known },
    hints:
      known.length === 0
        ? ['Make one: acs context add NAME --endpoint HOST --username USER']
        : [`Choose one: acs context use ${known.join('|')}`],
  })
}

const fileVariables = new Set(['ACS_CONFIG', 'ACS_CONFIG_HOME', 'XDG_CONFIG_HOME', 'HOME'])

/** What is left of the environment when a context is meant and nothing else: where the configuration is. */
export function withoutConnection(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => fileVariables.has(name)))
}
