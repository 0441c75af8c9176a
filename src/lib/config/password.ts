import { join } from 'node:path'
import { existsSync } from 'node:fs'
import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import { hideSecret } from '../base/redact.js'
import { accountOf, systemKeyring, type Keyring } from './keyring.js'
import type { Layer } from './layers.js'
import type { Environment } from './paths.js'
import type { CredentialSource } from './schema.js'
import { firstLine, readSecretFile } from './secret-file.js'

/** Where a password may come from, and how to get it when it is needed. */
export interface PasswordSource {
  /** `--password-stdin`, `keyring (context lab)`, `env ACS_PASSWORD`... */
  origin: string
  /** `undefined`: there is none here, ask the next source. */
  read: () => Promise<string | undefined>
}

export interface PasswordTools {
  env: Environment
  keyring?: Keyring
  readStdin: () => Promise<string>
  /** Asks a person; absent where nobody can be asked. */
  ask?: (text: string) => Promise<string>
}

/** Who the password is for. */
export interface Login {
  username: string
  endpoint: string
  authority: string
}

/**
 * The sources for one login, best first: standard input, --password-file, ACS_PASSWORD_FILE, systemd's credential
 * `acs-password`, what `acs login` stored, ACS_PASSWORD and its older names, and a person. `layers` are those
 * that speak of this very endpoint and user.
 */
export function passwordSources(
  layers: readonly Layer[],
  login: Login,
  fromStdin: boolean,
  tools: PasswordTools,
): PasswordSource[] {
  const { ask } = tools
  return [
    ...(fromStdin
      ? [{ origin: 'flag --password-stdin', read: async () => firstLine(await tools.readStdin(), 'standard input') }]
      : []),
    ...layers.flatMap(({ passwordFile: file }) =>
      file ? [{ origin: file.name, read: () => readSecretFile(file.path) }] : [],
    ),
    ...systemdCredential(tools.env),
    ...layers.flatMap((layer) => (layer.credential ? [stored(layer, layer.credential, login, tools)] : [])),
    ...layers.flatMap(({ plainPassword: plain }) =>
      plain ? [{ origin: plain.name, read: () => Promise.resolve(plain.value) }] : [],
    ),
    ...(ask
      ? [{ origin: 'the terminal', read: () => ask(`Password of ${login.username} on ${login.authority}:`) }]
      : []),
  ]
}

/**
 * The first password there is. A keyring that does not work is passed over only when another source has
 * one, with a warning; a file that is open to others stops everything. Throws EACSNOPASSWORD and the sources' own errors.
 */
export async function firstPassword(
  sources: readonly PasswordSource[],
  login: Login,
  warn: (text: string) => void,
): Promise<{ password: string; origin: string }> {
  let trouble: AcsError | undefined
  for (const { origin, read } of sources) {
    try {
      const password = await read()
      if (password === undefined) continue
      if (trouble) warn(`${trouble.message}; the password is from ${origin}`)
      return { password: hideSecret(password), origin }
    } catch (error) {
      if (!isAcsError(error, 'EACSKEYRING')) throw error
      trouble = error
    }
  }
  if (trouble) throw trouble
  throw noPassword(login, sources)
}

function stored(layer: Layer, credential: CredentialSource, login: Login, tools: PasswordTools): PasswordSource {
  const where = layer.originOf('endpoint')
  switch (credential.source) {
    case 'keyring':
      return {
        origin: `keyring (${where})`,
        read: () => (tools.keyring ?? systemKeyring).read(accountOf(login.username, login.authority)),
      }
    case 'file':
      return { origin: `${credential.path} (${where})`, read: () => readStored(credential.path) }
    case 'command':
      return {
        origin: `credential command (${where})`,
        read: async () => {
          // Most logins start no process.
          const { runCredentialCommand } = await import('./credential-command.js')
          return runCredentialCommand(credential.command, login, tools.env)
        },
      }
  }
}

/** A stored file that is gone means "logged out", not "broken". */
async function readStored(path: string): Promise<string | undefined> {
  return existsSync(path) ? readSecretFile(path) : undefined
}

/** `LoadCredential=acs-password:...` of a systemd unit (systemd.exec(5)). */
function systemdCredential(env: Environment): PasswordSource[] {
  if (!env.CREDENTIALS_DIRECTORY) return []
  const path = join(env.CREDENTIALS_DIRECTORY, 'acs-password')
  if (!existsSync(path)) return []
  return [{ origin: 'systemd credential acs-password', read: () => readSecretFile(path, { trustGroup: true }) }]
}

function noPassword(login: Login, sources: readonly PasswordSource[]): AcsError {
  const looked = sources.map(({ origin }) => origin)
  return new AcsError('auth', 'EACSNOPASSWORD', `there is no password for ${login.username} on ${login.authority}`, {
    details: { username: login.username, endpoint: login.endpoint, looked },
    hints: [
      'Store one: acs login',
      'In a script: --password-file FILE (mode 0600), --password-stdin, or ACS_PASSWORD_FILE',
      ...(looked.length > 0 ? [`Nothing was found in: ${looked.join(', ')}`] : []),
    ],
  })
}

/** All of standard input, for `--password-stdin`. */
export async function readStandardInput(): Promise<string> {
  try {
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array))
    return Buffer.concat(chunks).toString('utf8')
  } catch (error) {
    throw new AcsError('auth', 'EACSNOPASSWORD', `standard input cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
