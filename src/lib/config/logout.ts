import { isAcsError } from '../base/errors.js'
import { parseEndpoint } from '../prism/endpoint.js'
import { credentialText, forgetPassword } from './credential-store.js'
import type { Keyring } from './keyring.js'
import type { Environment } from './paths.js'
import type { Context } from './schema.js'

/**
 * Removes the password that is stored for a context. Returns what is left of it elsewhere, in words, where it could not or
 * must not be removed; `undefined` when nothing is.
 */
export async function logout(
  name: string,
  context: Context,
  env: Environment,
  keyring?: Keyring,
): Promise<string | undefined> {
  const { credential, username } = context
  if (credential === undefined || username === undefined) return undefined
  const login = { context: name, username, authority: authorityOf(context) }
  try {
    if (await forgetPassword(credential, login, env, keyring)) return undefined
    return `the password stays where acs did not put it: ${credentialText(credential)}`
  } catch (error) {
    if (!isAcsError(error, 'EACSKEYRING')) throw error
    return `the password may still be in a keyring: ${error.message}`
  }
}

/** `host:port` of a context. A person may have written its endpoint, and one that is none must not be in the way of its removal. */
export function authorityOf({ endpoint }: Context): string {
  try {
    return parseEndpoint(endpoint).authority
  } catch (error) {
    if (isAcsError(error, 'EACSENDPOINT')) return endpoint
    throw error
  }
}
