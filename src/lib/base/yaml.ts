import * as v from 'valibot'
import { messageOf, type AcsError } from './errors.js'

/** Makes the error for a file that cannot be used, from why not. */
export type Unusable = (why: string, cause?: unknown) => AcsError

/** What YAML text says; null when it says nothing. Throws `unusable` with the first line of what is wrong with it. */
export async function parseYaml(text: string, unusable: Unusable): Promise<unknown> {
  const { parse } = await import('yaml')
  try {
    // `parse` returns any.
    const value: unknown = parse(text)
    return value
  } catch (error) {
    throw unusable(messageOf(error).split('\n')[0] ?? '', error)
  }
}

/** The value as the schema has it. Throws `unusable` with the first fault: where, and what was expected there. */
export function checked<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  unusable: Unusable,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const issue = result.issues[0]
  const where = v.getDotPath(issue)
  // What was found instead stays untold: the file may be a password's.
  const wanted =
    issue.expected === 'never' ? 'there is no such setting' : `expected ${issue.expected ?? 'something else'}`
  throw unusable(where === null ? wanted : `${where}: ${wanted}`)
}
