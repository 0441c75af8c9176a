import * as v from 'valibot'
import { AcsError } from '../../base/errors.js'
import { printable } from '../../base/printable.js'
import { isRecord } from '../../base/record.js'
import { objectIn, type RequestBody } from '../request-body.js'

/** A volume's name may carry options (`db,size=20G`); which names a new volume may have is the driver's to say. */
const longestName = 512
const longestId = 512

/** Why this can be no volume's name, whatever the driver thinks: dockerd passes anything on (finding 12). */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return `the volume's name is ${kindOf(name)}, not text`
  if (name === '') return `the volume's name is empty`
  if (name.length > longestName) return `the volume's name has ${name.length} characters, at most ${longestName} fit`
  const shown = `"${printable(name)}" cannot name a volume`
  if (/[/\\]/.test(name)) return `${shown}: it has a slash`
  if (name === '.' || name === '..') return `${shown}: it means a folder`
  if (name !== printable(name)) return `${shown}: it has control characters`
  return undefined
}

/** A text that names a volume. */
export const nameField = checked<string>(nameProblem)

/** A caller's ID of a mount. Left out by very old daemons, who then have one for all. */
export const idField = v.nullish(
  checked<string>((id) => {
    if (typeof id !== 'string') return `the mount's ID is ${kindOf(id)}, not text`
    if (id.length > longestId) return `the mount's ID has ${id.length} characters, at most ${longestId} fit`
    return id === printable(id) && !id.includes('/') ? undefined : `the mount's ID has control characters or a slash`
  }),
  '',
)

/** `null` from dockerd, left out by Podman: none. Both send texts only, as `-o` and compose files have them. */
export const optionsField = v.nullish(
  checked<Record<string, string>>((options) => {
    if (!isRecord(options)) return `the volume's options are ${kindOf(options)}, not an object`
    for (const [option, value] of Object.entries(options))
      if (typeof value !== 'string')
        return `option "${printable(option.slice(0, 100))}" is ${kindOf(value)}, not text: write it in quotes`
    return undefined
  }),
  {},
)

/** The fields of a request; others it may have are nothing to us. Throws EACSNAME or EACSREQUEST (usage). */
export function readFields<Schema extends v.GenericSchema>(schema: Schema, body: RequestBody): v.InferOutput<Schema> {
  // With a name that is missing, the check of names speaks, not the library.
  const fields = { Name: undefined, ...objectIn(body) }
  const { success, output, issues } = v.safeParse(schema, fields, { abortEarly: true })
  if (success) return output
  const [{ path, message }] = issues
  const code = path?.[0]?.key === 'Name' ? 'EACSNAME' : 'EACSREQUEST'
  throw new AcsError('usage', code, message, {
    hints: code === 'EACSNAME' ? ['Choose a name like db or web-data_1'] : [],
  })
}

/** A field that may have whatever `problem` finds nothing wrong with. */
function checked<T>(problem: (value: unknown) => string | undefined): v.GenericSchema<unknown, T> {
  return v.custom<T>(
    (value) => problem(value) === undefined,
    ({ input }) => problem(input) ?? '',
  )
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
