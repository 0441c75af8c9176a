import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type * as v from 'valibot'
import { ensureFolder, writeDurably } from '../base/durable-file.js'
import { AcsError, errorCode, isAcsError, messageOf } from '../base/errors.js'
import { checked, parseYaml } from '../base/yaml.js'
import { clusterFieldsSchema, configSchema, type ClusterFields, type Config } from './schema.js'

/** A user's contexts; none when the file is absent. Throws EACSCONFIG (usage) for a file that cannot be used. */
export async function readConfig(path: string): Promise<Config> {
  const parsed = await readYaml(path)
  const { current, contexts } = check(configSchema, parsed ?? {}, path)
  return { current: current ?? undefined, contexts: contexts ?? {} }
}

/** /etc/acs/config.yaml: the fields of one cluster. Absent is empty. Throws EACSCONFIG. */
export async function readSystemConfig(path: string): Promise<ClusterFields> {
  return check(clusterFieldsSchema, (await readYaml(path)) ?? {}, path)
}

/**
 * Rewrites a user's file, mode 0600 in a folder of mode 0700. Comments and order of what stays are kept. Throws EACSCONFIG.
 */
export async function writeConfig(path: string, config: Config): Promise<void> {
  const { parseDocument } = await import('yaml')
  const document = parseDocument((await readTrusted(path)) ?? '')
  if (config.current === undefined) document.delete('current')
  else document.set('current', config.current)
  const before = check(configSchema, document.toJS() ?? {}, path).contexts ?? {}
  for (const name of Object.keys(before)) if (!(name in config.contexts)) document.deleteIn(['contexts', name])
  for (const [name, context] of Object.entries(config.contexts))
    if (JSON.stringify(before[name]) !== JSON.stringify(context)) document.setIn(['contexts', name], context)
  try {
    await ensureFolder(dirname(path))
    await writeDurably(path, document.toString(), 0o600)
  } catch (error) {
    throw badConfig(path, messageOf(error), error, ['Another place for it: ACS_CONFIG or ACS_CONFIG_HOME'])
  }
}

async function readYaml(path: string): Promise<unknown> {
  const text = await readTrusted(path)
  return text === undefined ? undefined : parseYaml(text, (why, cause) => badConfig(path, why, cause))
}

/** The text, `undefined` when absent. Who can write this file decides where our passwords go. */
async function readTrusted(path: string): Promise<string | undefined> {
  let file
  try {
    file = await open(path, constants.O_RDONLY)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined
    throw badConfig(path, messageOf(error), error)
  }
  try {
    const { mode, uid } = await file.stat()
    if (uid !== 0 && uid !== process.geteuid?.())
      throw badConfig(path, `it belongs to the user ${uid}, neither to you nor to root`)
    if ((mode & 0o022) !== 0)
      throw badConfig(path, `others can write it (mode ${(mode & 0o777).toString(8)})`, undefined, [
        `chmod 600 ${path}`,
      ])
    return await file.readFile('utf8')
  } catch (error) {
    throw isAcsError(error) ? error : badConfig(path, messageOf(error), error)
  } finally {
    await file.close()
  }
}

function check<Schema extends v.GenericSchema>(schema: Schema, value: unknown, path: string): v.InferOutput<Schema> {
  return checked(schema, value, (why, cause) => badConfig(path, why, cause))
}

function badConfig(path: string, why: string, cause?: unknown, hints: string[] = []): AcsError {
  return new AcsError('usage', 'EACSCONFIG', `${path} cannot be used: ${why}`, { cause, hints, details: { path } })
}
