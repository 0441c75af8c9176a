import * as v from 'valibot'
import type { PluginCall } from '../plugin-call.js'
import { nameField, readFields } from './fields.js'

const schema = v.object({ Name: nameField })

/** Removes a volume, by the policy it has. */
export const remove: PluginCall = (body) => {
  const { Name: name } = readFields(schema, body)
  return {
    about: { volume: name },
    async run(door, call) {
      const driver = await door.ready(call.deadline)
      await driver.remove({ name }, call)
      return '{"Err":""}'
    },
  }
}
