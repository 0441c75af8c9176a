import { environmentLayers } from './layers.js'
import type { Environment } from './paths.js'
import type { Context } from './schema.js'

/** What the environment says other than a context, in words: commands would follow the environment. */
export function shadowing(context: Context, env: Environment): string[] {
  const fields = ['endpoint', 'username', 'fingerprint', 'caFile', 'dataServices', 'storageContainer'] as const
  return fields.flatMap((field) => {
    const layer = environmentLayers(env).find(({ values }) => values[field] !== undefined)
    const value = layer?.values[field]
    if (layer === undefined || value === undefined || value === context[field]) return []
    return [`${layer.originOf(field)} (${value}) goes before ${context[field] ?? 'nothing'} of the context`]
  })
}
