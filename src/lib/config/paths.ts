import { dirname, join } from 'node:path'
import { userFolder } from '../base/user-folder.js'

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
  return userFolder('config', env)
}
