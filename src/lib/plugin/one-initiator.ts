import type { HostMachine, Initiator } from '../host/host.js'
import { createSemaphore } from './semaphore.js'

/**
 * Logins at a time. A host that boots starts all its containers at once, and Docker gives each mount two minutes: done side
 * by side, all would be ready together, and late. So the first are ready soon, and the work of the others waits.
 */
const mostLogins = 8

/**
 * The machine as the plugin uses it: its initiator is chosen once, as looking whether the tools are there starts several
 * processes, and of many disks only a few are attached at a time, in the order of asking. A wait that outlasts the deadline
 * throws EACSTIMEOUT.
 */
export function withOneInitiator(host: HostMachine): HostMachine {
  const chosen = new Map<string, Promise<Initiator>>()
  const logins = createSemaphore(mostLogins, 'the iSCSI initiator')
  return {
    ...host,
    initiator(kind, deadline) {
      const known = chosen.get(kind)
      if (known) return known
      const choosing = host.initiator(kind, deadline).then((initiator): Initiator => ({
        ...initiator,
        attach: (disk, until) => logins.run(until, `log in to ${disk.targetName}`, () => initiator.attach(disk, until)),
      }))
      chosen.set(kind, choosing)
      choosing.catch(() => chosen.delete(kind))
      return choosing
    },
  }
}
