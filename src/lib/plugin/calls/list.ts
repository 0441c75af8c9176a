import type { PluginCall } from '../plugin-call.js'
import { volumesText } from './volume-text.js'

/** All volumes. dockerd sends `{}`, Podman nothing; neither asks for anything in particular. */
export const list: PluginCall = () => ({
  async run(door, call) {
    const driver = await door.ready(call.deadline)
    return volumesText(await driver.list(call), (shaped) => ({ Volumes: shaped, Err: '' }), call.log)
  },
})
