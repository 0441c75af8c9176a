import { readConfig } from './config-file.js'
import { addContext } from './contexts.js'
import { accountOf, type Keyring } from './keyring.js'
import { authorityOf, logout } from './logout.js'
import type { Environment } from './paths.js'
import type { Config, Context } from './schema.js'

export interface KeptContext {
  config: Config
  /** With the password of the one it replaces, where that is still the right one. */
  context: Context
  /** Whether the password of the one it replaces was removed, or, in words, what is left of it. */
  forgotten: boolean | string
}

export interface KeepOptions {
  use?: boolean
  replace?: boolean
  env: Environment
  keyring?: Keyring
}

/**
 * Adds a context, or puts it in the place of another. A password belongs to one user on one endpoint: for the same two it
 * stays where it is, unless the new context names another place; else it is removed from where acs stored it, before the
 * new context could send it elsewhere. Throws what `addContext` does.
 */
export async function keepContext(
  path: string,
  name: string,
  wanted: Context,
  options: KeepOptions,
): Promise<KeptContext> {
  const { contexts } = await readConfig(path)
  const before = Object.hasOwn(contexts, name) ? contexts[name] : undefined
  if (!before || !options.replace)
    return { config: await addContext(path, name, wanted, options), context: wanted, forgotten: false }
  const same = sameLogin(before, wanted)
  const context = same ? { ...wanted, credential: wanted.credential ?? before.credential } : wanted
  const others = Object.entries(contexts).flatMap(([other, each]) => (other === name ? [] : [each]))
  const needed = [...(same ? [context] : []), ...others].some((each) => placeOf(each) === placeOf(before))
  let forgotten: KeptContext['forgotten'] = false
  if (before.credential && !needed) {
    const left = await logout(name, before, options.env, options.keyring)
    // A file or command that the new one names too is no leftover.
    forgotten = left === undefined || (placeOf(before) !== placeOf(context) && left)
  }
  return { config: await addContext(path, name, context, options), context, forgotten }
}

function sameLogin(one: Context, other: Context): boolean {
  return one.username === other.username && authorityOf(one) === authorityOf(other)
}

/** Where a password is kept, in a word. */
function placeOf(context: Context): string {
  const { credential, username = '' } = context
  if (credential?.source === 'file') return `file ${credential.path}`
  if (credential?.source === 'command') return `command ${credential.command}`
  return credential ? `keyring ${accountOf(username, authorityOf(context))}` : 'nowhere'
}
