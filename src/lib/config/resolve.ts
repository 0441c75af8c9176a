import { readFile } from 'node:fs/promises'
import { AcsError, messageOf } from '../base/errors.js'
import { parseEndpoint, parseFingerprint, type Endpoint } from '../prism/endpoint.js'
import type { Keyring } from './keyring.js'
import { readLayers, type ConnectionFlags, type Layer } from './layers.js'
import { firstPassword, passwordSources, readStandardInput, type Login } from './password.js'
import { systemConfigFile, type Environment } from './paths.js'

export type { ConnectionFlags } from './layers.js'

export interface ResolveInput {
  flags: ConnectionFlags
  env: Environment
  /** Default /etc/acs/config.yaml; empty for none. */
  systemFile?: string
  /** Default: the session's Secret Service. */
  keyring?: Keyring
  /** Default: all of process.stdin. */
  readStdin?: () => Promise<string>
  /** Asks a person for the password; leave it out where nobody can be asked. */
  askPassword?: (text: string) => Promise<string>
  warn?: (text: string) => void
  /** Leave out what is stored: for a login, which is to store a new password. */
  withoutStored?: boolean
}

/** Which cluster, as whom, trusted why; and where each of that was said. */
export interface ResolvedConnection {
  /** Canonical, `https://host:port`. */
  endpoint: string
  authority: string
  username: string
  /** PEM text. */
  ca?: string
  /** `AA:BB:...`. */
  fingerprint?: string
  /** The context that took part, also where the environment won over it. */
  context?: string
  dataServices?: string
  storageContainer?: string
  /** `{endpoint: 'env ACS_ENDPOINT', username: 'context lab'}`. */
  origins: Readonly<Partial<Record<'endpoint' | 'username' | 'trust' | 'dataServices' | 'storageContainer', string>>>
  /** Finds the password when it is needed, once. Throws EACSNOPASSWORD, EACSSECRETFILE, EACSKEYRING, EACSCREDENTIALCOMMAND. */
  password: () => Promise<string>
  /** Where it was found. */
  passwordOrigin: () => Promise<string>
}

/**
 * The connection that flags, environment, context and /etc/acs/config.yaml lead to, value by value in this order.
 *
 * What one place says of a cluster is said of its own endpoint: when the endpoint comes from elsewhere and is
 * another, that place's password, trust and addresses are not used (its user is: a name is no secret). So ACS_ENDPOINT (or a typo in
 * --endpoint) never gets the password of a context; only an ACS_PASSWORD without an ACS_ENDPOINT goes anywhere.
 *
 * Throws EACSNOCONNECTION (usage: names all that is missing), EACSNOCONTEXT, EACSENDPOINT, EACSFINGERPRINT, EACSCAFILE, EACSCONFIG.
 */
export async function resolveConnection(input: ResolveInput): Promise<ResolvedConnection> {
  const { flags, env, warn = () => undefined } = input
  const layers = await readLayers(flags, env, input.systemFile ?? systemConfigFile)
  const endpointLayer = layers.list.find(({ values }) => values.endpoint !== undefined)
  const endpoint =
    endpointLayer?.values.endpoint === undefined ? undefined : parseEndpoint(endpointLayer.values.endpoint)
  const usable = endpoint === undefined ? layers.list : layers.list.filter((layer) => speaksOf(layer, endpoint))
  const user = pick(layers.list, 'username')
  if (endpoint === undefined || endpointLayer === undefined || user === undefined)
    throw incomplete(endpoint === undefined, user === undefined)

  const shadowed = layers.list.find(({ kind }) => kind === 'context')
  if (endpointLayer.kind === 'environment' && shadowed && !speaksOf(shadowed, endpoint))
    warn(
      `the cluster is ${endpoint.authority} (${endpointLayer.originOf('endpoint')}), not ${shadowed.values.endpoint ?? ''} of the ${shadowed.originOf('endpoint')}`,
    )

  const trustLayer = usable.find(({ values }) => values.fingerprint !== undefined || values.caFile !== undefined)
  const login: Login = { username: user.value, endpoint: endpoint.origin, authority: endpoint.authority }
  const sources = passwordSources(
    usable
      .filter((layer) => mayLogIn(layer, user.value))
      .map((layer) => (input.withoutStored ? { ...layer, credential: undefined } : layer)),
    login,
    flags.passwordStdin ?? false,
    {
      env,
      keyring: input.keyring,
      readStdin: input.readStdin ?? readStandardInput,
      ask: input.askPassword,
    },
  )
  let found: ReturnType<typeof firstPassword> | undefined
  const find = (): ReturnType<typeof firstPassword> => (found ??= firstPassword(sources, login, warn))

  const dataServices = pick(usable, 'dataServices')
  const storageContainer = pick(usable, 'storageContainer')
  return {
    endpoint: endpoint.origin,
    authority: endpoint.authority,
    username: user.value,
    ...(await readTrust(trustLayer)),
    context: layers.context,
    dataServices: dataServices?.value,
    storageContainer: storageContainer?.value,
    origins: {
      endpoint: endpointLayer.originOf('endpoint'),
      username: user.origin,
      trust: trustLayer?.originOf(trustLayer.values.fingerprint === undefined ? 'caFile' : 'fingerprint'),
      dataServices: dataServices?.origin,
      storageContainer: storageContainer?.origin,
    },
    password: async () => (await find()).password,
    passwordOrigin: async () => (await find()).origin,
  }
}

/** Whether what a layer says is about this endpoint: it names the same one, or none. */
function speaksOf(layer: Layer, endpoint: Endpoint): boolean {
  const { endpoint: own } = layer.values
  // A stored password without an endpoint would go to whatever endpoint somebody types.
  if (own === undefined) return layer.credential === undefined
  try {
    return parseEndpoint(own).origin === endpoint.origin
  } catch {
    // Another place's bad endpoint is certainly not this one, and none of this call's business.
    return false
  }
}

/** A password belongs to the user it is stored with. */
function mayLogIn(layer: Layer, username: string): boolean {
  return layer.values.username === undefined || layer.values.username === username
}

function pick(
  layers: readonly Layer[],
  field: 'username' | 'dataServices' | 'storageContainer',
): { value: string; origin: string } | undefined {
  const layer = layers.find(({ values }) => values[field] !== undefined)
  const value = layer?.values[field]
  return layer === undefined || value === undefined ? undefined : { value, origin: layer.originOf(field) }
}

/** Of one layer only: a pin from one place and a CA from another do not mix. */
async function readTrust(layer: Layer | undefined): Promise<{ ca?: string; fingerprint?: string }> {
  if (layer?.values.fingerprint !== undefined) return { fingerprint: parseFingerprint(layer.values.fingerprint) }
  if (layer?.values.caFile === undefined) return {}
  return { ca: await readCaFile(layer.values.caFile, layer.originOf('caFile')) }
}

/** PEM text. Throws EACSCAFILE (usage). */
export async function readCaFile(path: string, origin: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw badCaFile(path, origin, messageOf(error), error)
  })
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw badCaFile(path, origin, 'it holds no PEM certificate')
  return text
}

function badCaFile(path: string, origin: string, why: string, cause?: unknown): AcsError {
  return new AcsError('usage', 'EACSCAFILE', `the CA file ${path} (${origin}) cannot be used: ${why}`, {
    cause,
    details: { path },
  })
}

function incomplete(noEndpoint: boolean, noUsername: boolean): AcsError {
  const missing = [...(noEndpoint ? ['--endpoint'] : []), ...(noUsername ? ['--username'] : [])]
  return new AcsError(
    'usage',
    'EACSNOCONNECTION',
    `which cluster? ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing`,
    {
      details: { missing },
      hints: [
        'Make a context: acs context add NAME --endpoint HOST --username USER',
        'Or set ACS_ENDPOINT and ACS_USERNAME',
        'No cluster at hand? acs sim start --detach && eval "$(acs sim env)"',
      ],
    },
  )
}
