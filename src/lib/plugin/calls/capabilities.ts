import type { PluginCall } from '../plugin-call.js'

/** Volume groups are seen from every host; dockerd keeps the first answer for its whole life (docker-protocols.md A.3). */
const beforeTheDriver = { scope: 'global' } as const

/** Where volumes are visible. At once, driver or not: an error would be taken for `local`. */
export const capabilities: PluginCall = () => ({
  run(door) {
    const { scope } = door.now()?.capabilities() ?? beforeTheDriver
    return Promise.resolve(JSON.stringify({ Capabilities: { Scope: scope } }))
  },
})
