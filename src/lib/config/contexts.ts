import { AcsError } from '../base/errors.js'
import { readConfig, writeConfig } from './config-file.js'
import type { Config, Context } from './schema.js'

/** The context `name`. Throws EACSNOCONTEXT (not-found), listing those there are. */
export function findContext(config: Config, name: string): Context {
  const context = Object.hasOwn(config.contexts, name) ? config.contexts[name] : undefined
  if (context) return context
  const known = Object.keys(config.contexts)
  throw new AcsError('not-found', 'EACSNOCONTEXT', `there is no context "${name}"`, {
    details: { name, known },
    hints:
      known.length === 0
        ? [`Make one: acs context add ${name} --endpoint HOST --username USER`]
        : [`There is: ${known.join(', ')}`],
  })
}

/** Adds or replaces a context. Throws EACSEXISTS unless `replace`, EACSCONTEXTNAME (usage). */
export async function addContext(
  path: string,
  name: string,
  context: Context,
  options: { use?: boolean; replace?: boolean } = {},
): Promise<Config> {
  checkName(name)
  return change(path, (config) => {
    if (Object.hasOwn(config.contexts, name) && !options.replace)
      throw new AcsError('conflict', 'EACSEXISTS', `there is already a context "${name}"`, {
        details: { name },
        hints: [`Look at it: acs context show ${name}`, 'Replace it: add --replace'],
      })
    // The first one is the one you want to use.
    const current = options.use || Object.keys(config.contexts).length === 0 ? name : config.current
    return { current, contexts: { ...config.contexts, [name]: context } }
  })
}

/** Makes `name` the current context. Throws EACSNOCONTEXT. */
export async function useContext(path: string, name: string): Promise<Config> {
  return change(path, (config) => {
    findContext(config, name)
    return { ...config, current: name }
  })
}

/** Removes a context; when it was the current one, none is current. Throws EACSNOCONTEXT. */
export async function removeContext(path: string, name: string): Promise<Config> {
  return change(path, (config) => {
    findContext(config, name)
    const contexts = Object.fromEntries(Object.entries(config.contexts).filter(([other]) => other !== name))
    return { current: config.current === name ? undefined : config.current, contexts }
  })
}

/** Context names are file names and shell words: letters, digits, `.`, `_`, `-`, at most 63. */
export function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && name !== '__proto__') return
  throw new AcsError('usage', 'EACSCONTEXTNAME', `"${name}" cannot be the name of a context`, {
    hints: ['Use letters, digits, ".", "_" and "-", at most 63, beginning with a letter or a digit'],
  })
}

async function change(path: string, edit: (config: Config) => Config): Promise<Config> {
  const config = edit(await readConfig(path))
  await writeConfig(path, config)
  return config
}
