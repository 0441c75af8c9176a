import type { PluginCall } from '../plugin-call.js'

/** What this plugin is. The body is empty; nothing is asked, of the driver neither. */
export const activate: PluginCall = () => ({
  run: () => Promise.resolve('{"Implements":["VolumeDriver"]}'),
})
