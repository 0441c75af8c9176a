import type { DriverVolume } from '../driver.js'
import type { PluginCall } from '../plugin-call.js'
import { volumesText } from './volume-text.js'

/** The last answer: with thousands of volumes it is some hundred kilobytes, and mostly the next one. */
let last: { volumes: readonly DriverVolume[]; answer: Buffer } | undefined

/** All volumes. dockerd sends `{}`, Podman nothing; neither asks for anything in particular. */
export const list: PluginCall = () => ({
  async run(door, call) {
    const driver = await door.ready(call.deadline)
    const volumes = await driver.list(call)
    if (!last || !areSame(volumes, last.volumes)) {
      const text = volumesText(volumes, (shaped) => ({ Volumes: shaped, Err: '' }), call.log)
      last = { volumes, answer: Buffer.from(text) }
    }
    return last.answer
  },
})

function areSame(ones: readonly DriverVolume[], others: readonly DriverVolume[]): boolean {
  return ones.length === others.length && ones.every((one, index) => one === others[index])
}
