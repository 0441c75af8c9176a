import * as v from 'valibot'
import type { PluginCall } from '../plugin-call.js'
import { nameField, optionsField, readFields } from './fields.js'

const schema = v.object({ Name: nameField, Opts: optionsField })

/** Makes a volume; one that exists is taken up, as dockerd calls it whenever `Get` failed (finding 4). */
export const create: PluginCall = (body) => {
  const { Name: name, Opts: options } = readFields(schema, body)
  return {
    about: { volume: name },
    async run(door, call) {
      const driver = await door.ready(call.deadline)
      await driver.create({ name, options }, call)
      return '{"Err":""}'
    },
  }
}
