import * as v from 'valibot'
import type { PluginCall } from '../plugin-call.js'
import { idField, nameField, readFields } from './fields.js'

const schema = v.object({ Name: nameField, ID: idField })

/** Ends a caller's mount. It is finished when dockerd dies meanwhile, too: nobody would ask for it again (finding 7). */
export const unmount: PluginCall = (body) => {
  const { Name: name, ID: id } = readFields(schema, body)
  return {
    about: { volume: name, mountId: id },
    finishes: true,
    async run(door, call) {
      const driver = await door.ready(call.deadline)
      await driver.unmount({ name, id }, call)
      return '{"Err":""}'
    },
  }
}
