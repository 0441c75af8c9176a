import type { HostMachine, Initiator } from '../host/host.js'

/** The machine with its initiator chosen once: looking whether the tools are there starts several processes. */
export function withOneInitiator(host: HostMachine): HostMachine {
  const chosen = new Map<string, Promise<Initiator>>()
  return {
    ...host,
    initiator(kind, deadline) {
      const known = chosen.get(kind)
      if (known) return known
      const choosing = host.initiator(kind, deadline)
      chosen.set(kind, choosing)
      choosing.catch(() => chosen.delete(kind))
      return choosing
    },
  }
}
