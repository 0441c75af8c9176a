import * as v from 'valibot'
import type { PluginCall } from '../plugin-call.js'
import { idField, nameField, readFields } from './fields.js'

const schema = v.object({ Name: nameField, ID: idField })

/** Mounts a volume for a caller. One who is gone when it is done will never unmount it, so that is done then. */
export const mount: PluginCall = (body) => {
  const { Name: name, ID: id } = readFields(schema, body)
  return {
    about: { volume: name, mountId: id },
    async run(door, call) {
      const driver = await door.ready(call.deadline)
      const { mountPoint } = await driver.mount({ name, id }, call)
      return JSON.stringify({ Mountpoint: mountPoint, Err: '' })
    },
    undo: {
      key: JSON.stringify([name, id]),
      async run(door, call) {
        const driver = await door.ready(call.deadline)
        await driver.unmount({ name, id }, call)
      },
    },
  }
}
