import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

export const systemConfigFile = '/etc/acs/config.yaml'

/** `ACS_CONFIG`, else `config.yaml` in `ACS_CONFIG_HOME`, `$XDG_CONFIG_HOME/acs` or `~/.config/acs`. */
export function configFile(env: Environment): string {
  if (env.ACS_CONFIG) return env.ACS_CONFIG
  return join(configHome(env), 'config.yaml')
}

/** Where `acs login` keeps a password when there is no keyring: one file of mode 0600 a context. */
export function credentialFile(env: Environment, context: string): string {
  return join(dirname(configFile(env)), 'credentials', context)
}

function configHome(env: Environment): string {
  if (env.ACS_CONFIG_HOME) return env.ACS_CONFIG_HOME
  // The XDG specification asks to ignore a relative path.
  if (env.XDG_CONFIG_HOME?.startsWith('/')) return join(env.XDG_CONFIG_HOME, 'acs')
  return join(env.HOME || homedir(), '.config', 'acs')
}
