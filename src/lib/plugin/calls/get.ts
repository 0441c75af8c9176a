import * as v from 'valibot'
import { AcsError } from '../../base/errors.js'
import type { PluginCall } from '../plugin-call.js'
import { nameProblem, readFields } from './fields.js'
import { volumesText } from './volume-text.js'

const schema = v.object({ Name: v.optional(v.unknown()) })

/** One volume. A name that no volume can have is one that no volume has: dockerd asks for "" at its start (A.6). */
export const get: PluginCall = (body) => {
  const { Name: name } = readFields(schema, body)
  const problem = nameProblem(name)
  if (problem !== undefined || typeof name !== 'string')
    throw new AcsError('not-found', 'EACSNOTFOUND', `there is no such volume: ${problem ?? ''}`)
  return {
    about: { volume: name },
    async run(door, call) {
      const driver = await door.ready(call.deadline)
      const volume = await driver.get({ name }, call)
      return volumesText([volume], ([shaped]) => ({ Volume: shaped, Err: '' }), call.log)
    },
  }
}
