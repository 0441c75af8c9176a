import { dirname, resolve } from 'node:path'
import { ensureFolder, removeDurably, writeDurably } from '../base/durable-file.js'
import { AcsError } from '../base/errors.js'
import { accountOf, systemKeyring, type Keyring } from './keyring.js'
import { credentialFile, type Environment } from './paths.js'
import type { CredentialSource } from './schema.js'

/** Whose password, and for which context it is kept. */
export interface StoredLogin {
  context: string
  username: string
  /** `host:port`. */
  authority: string
}

/**
 * `keyring`, `file`, `file:PATH` or `command:COMMAND LINE`. `file` alone is acs's own file of the context.
 * Throws EACSCREDENTIAL (usage).
 */
export function parseCredential(text: string, env: Environment, context: string): CredentialSource {
  const [, source, rest] = /^(keyring|file|command)(?::(.+))?$/s.exec(text) ?? []
  if (source === 'keyring' && rest === undefined) return { source }
  if (source === 'file') return { source, path: rest === undefined ? credentialFile(env, context) : resolve(rest) }
  if (source === 'command' && rest !== undefined) return { source, command: rest }
  throw new AcsError('usage', 'EACSCREDENTIAL', `"${text}" is no way to keep a password`, {
    hints: ['Use keyring, file, file:PATH or command:COMMAND (whose first line of output is the password)'],
  })
}

/** A credential source in words: `keyring`, `file /path`, `command pass show prism`. */
export function credentialText(credential: CredentialSource): string {
  if (credential.source === 'keyring') return 'keyring'
  return credential.source === 'file' ? `file ${credential.path}` : `command ${credential.command}`
}

/**
 * Makes sure that a password can be kept there, before a person types it. Throws EACSKEYRING (precondition),
 * EACSCREDENTIAL (usage) for a command, which is where passwords come from, not where they go.
 */
export async function checkStore(
  credential: CredentialSource,
  login: StoredLogin,
  keyring: Keyring = systemKeyring,
): Promise<void> {
  if (credential.source === 'keyring') await keyring.read(accountOf(login.username, login.authority))
  if (credential.source === 'command')
    throw new AcsError(
      'usage',
      'EACSCREDENTIAL',
      `the context ${login.context} gets its password from the command "${credential.command}": there is nothing to store`,
      { hints: [`Store it elsewhere: acs login --context ${login.context} --credential keyring (or file)`] },
    )
}

/** Keeps a password: in the keyring, or in a file of mode 0600 in a folder of mode 0700. */
export async function storePassword(
  credential: CredentialSource,
  login: StoredLogin,
  password: string,
  keyring: Keyring = systemKeyring,
): Promise<void> {
  await checkStore(credential, login, keyring)
  if (credential.source === 'keyring') await keyring.store(accountOf(login.username, login.authority), password)
  if (credential.source !== 'file') return
  if (/[\r\n]/.test(password))
    throw new AcsError('usage', 'EACSCREDENTIAL', 'a password with a line break cannot be kept in a file')
  await ensureFolder(dirname(credential.path))
  await writeDurably(credential.path, `${password}\n`, 0o600)
}

/**
 * Removes a stored password, and says whether there is none left here. A file that acs did not make stays.
 * Throws EACSKEYRING.
 */
export async function forgetPassword(
  credential: CredentialSource,
  login: StoredLogin,
  env: Environment,
  keyring: Keyring = systemKeyring,
): Promise<boolean> {
  if (credential.source === 'keyring') {
    await keyring.remove(accountOf(login.username, login.authority))
    return true
  }
  if (credential.source !== 'file' || credential.path !== credentialFile(env, login.context)) return false
  await ensureFolder(dirname(credential.path))
  await removeDurably(credential.path)
  return true
}
