import { readConfig, readSystemConfig } from './config-file.js'
import { findContext } from './contexts.js'
import { configFile, type Environment } from './paths.js'
import type { ClusterFields } from './schema.js'

/** The connection flags, as a command line gave them. */
export interface ConnectionFlags {
  context?: string
  endpoint?: string
  username?: string
  passwordFile?: string
  passwordStdin?: boolean
  caFile?: string
  fingerprint?: string
  dataServices?: string
  storageContainer?: string
}

type Field = 'endpoint' | 'username' | 'caFile' | 'fingerprint' | 'dataServices' | 'storageContainer'

/** One place that says something about the cluster; the first in the list wins. */
export interface Layer {
  kind: 'flags' | 'environment' | 'context' | 'system'
  values: Partial<Record<Field, string>>
  /** `flag --endpoint`, `env ACS_ENDPOINT`, `context lab`, `/etc/acs/config.yaml`. */
  originOf(field: Field): string
  /** Stored by `acs login`, or by an administrator. */
  credential?: ClusterFields['credential']
  /** Passwords of last resort, and what they are called. */
  plainPassword?: { name: string; value: string }
  passwordFile?: { name: string; path: string }
}

export interface Layers {
  /** In order of precedence. */
  list: Layer[]
  /** The context that takes part. */
  context?: string
}

/**
 * Flags, environment, context, /etc/acs/config.yaml, in this order. A context named by `--context` is a choice made on
 * the command line, and goes before the environment; one that is only current, or named by ACS_CONTEXT, after it.
 */
export async function readLayers(flags: ConnectionFlags, env: Environment, systemFile: string): Promise<Layers> {
  const config = await readConfig(configFile(env))
  // The flag's own default is ACS_CONTEXT, so an equal value is the environment's.
  const chosen = flags.context !== undefined && flags.context !== env.ACS_CONTEXT
  const name = flags.context ?? (env.ACS_CONTEXT || config.current)
  const context = name === undefined ? [] : [contextLayer(name, findContext(config, name))]
  const environment = environmentLayers(env)
  const system = systemLayer(systemFile, systemFile === '' ? {} : await readSystemConfig(systemFile))
  const list = [flagLayer(flags), ...(chosen ? [...context, ...environment] : [...environment, ...context]), system]
  return { list, context: name }
}

const flagNames: Readonly<Record<Field, string>> = {
  endpoint: '--endpoint',
  username: '--username',
  caFile: '--ca-file',
  fingerprint: '--fingerprint',
  dataServices: '--data-services',
  storageContainer: '--container',
}

function flagLayer(flags: ConnectionFlags): Layer {
  const { endpoint, username, caFile, fingerprint, dataServices, storageContainer, passwordFile } = flags
  return {
    kind: 'flags',
    values: { endpoint, username, caFile, fingerprint, dataServices, storageContainer },
    originOf: (field) => `flag ${flagNames[field]}`,
    ...(passwordFile === undefined ? {} : { passwordFile: { name: 'flag --password-file', path: passwordFile } }),
  }
}

/** Our names. Each family of names is a layer of its own, so that a password goes with its own endpoint. */
const ours = {
  endpoint: 'ACS_ENDPOINT',
  username: 'ACS_USERNAME',
  caFile: 'ACS_CA_FILE',
  fingerprint: 'ACS_FINGERPRINT',
  dataServices: 'ACS_DATA_SERVICES',
  storageContainer: 'ACS_CONTAINER',
  password: 'ACS_PASSWORD',
  passwordFile: 'ACS_PASSWORD_FILE',
} as const

/** Names of older Nutanix tools and of the Docker volume plugin, read after ours. */
const nutanix = { endpoint: 'NUTANIX_ENDPOINT', username: 'NUTANIX_USERNAME', password: 'NUTANIX_PASSWORD' } as const
const dockerPlugin = {
  endpoint: 'PRISM_IP',
  username: 'PRISM_USERNAME',
  dataServices: 'DATASERVICES_IP',
  storageContainer: 'DEFAULT_CONTAINER',
  password: 'PRISM_PASSWORD',
} as const

type Names = Partial<Record<Field | 'password' | 'passwordFile', string>>

export function environmentLayers(env: Environment): Layer[] {
  return [ours, nutanix, dockerPlugin].map((names) => environmentLayer(names, env))
}

function environmentLayer(names: Names, env: Environment): Layer {
  // An empty variable is an unset one, as shells and compose files have it.
  const read = (key: keyof Names): string | undefined => env[names[key] ?? ''] || undefined
  const password = read('password')
  const path = read('passwordFile')
  return {
    kind: 'environment',
    values: {
      endpoint: read('endpoint'),
      username: read('username'),
      caFile: read('caFile'),
      fingerprint: read('fingerprint'),
      dataServices: read('dataServices'),
      storageContainer: read('storageContainer'),
    },
    originOf: (field) => `env ${names[field] ?? field}`,
    ...(password === undefined ? {} : { plainPassword: { name: `env ${names.password ?? ''}`, value: password } }),
    ...(path === undefined ? {} : { passwordFile: { name: `env ${names.passwordFile ?? ''}`, path } }),
  }
}

function contextLayer(name: string, { credential, ...values }: ClusterFields): Layer {
  return { kind: 'context', values, originOf: () => `context ${name}`, credential }
}

function systemLayer(file: string, { credential, ...values }: ClusterFields): Layer {
  return { kind: 'system', values, originOf: () => file, credential }
}
