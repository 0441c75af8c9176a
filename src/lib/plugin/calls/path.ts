import * as v from 'valibot'
import type { PluginCall } from '../plugin-call.js'
import { nameField, readFields } from './fields.js'

const schema = v.object({ Name: nameField })

/** Where a volume is mounted; "" when it is not. */
export const path: PluginCall = (body) => {
  const { Name: name } = readFields(schema, body)
  return {
    about: { volume: name },
    async run(door, call) {
      const driver = await door.ready(call.deadline)
      const { mountPoint } = await driver.path({ name }, call)
      return JSON.stringify({ Mountpoint: mountPoint ?? '', Err: '' })
    },
  }
}
