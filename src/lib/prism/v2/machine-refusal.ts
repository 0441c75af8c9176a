import { AcsError } from '../../base/errors.js'
import { isRefusal } from './bring-forth.js'

/** Which machine a call was about. */
export interface About {
  uuid: string
  name?: string
}

/**
 * What `work` resolves with; where Prism refuses for the machine's power state, or as no host has room for it, the error
 * is one that scripts can tell from others: EACSPOWERSTATE (conflict), EACSNORESOURCES (failed).
 */
export async function onMachine<T>(about: About, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explained(about, error)
  }
}

/**
 * Names of Acropolis's own errors, which stand in front of its words (recorded: `INVALID_ARGUMENT: Invalid Argument: 6 :...`;
 * names and numbers in Nutanix's client of that service: InvalidState 7, NoHostResources 14, InvalidVmState 50), and prose
 * that says the same (assumed).
 */
const noRoom =
  /no_?\s?host_?\s?resources|(?:not enough|insufficient|lacks?|out of) (?:\w+ ){0,3}(?:memory|resources|cpus?)\b/i
const wrongState =
  /invalid_?\s?(?:vm_?\s?)?(?:power_?\s?)?state|(?:current|wrong) (?:power )?state|(?:already|not|be|is|isn't|while) (?:in )?power(?:ed|ing)[ -]?(?:on|off)|already (?:on|off|paused|suspended)\b/i

function explained(about: About, error: unknown): unknown {
  if (!isRefusal(error)) return error
  const vm = about.name ?? about.uuid
  const details = { ...error.details, uuid: about.uuid }
  if (noRoom.test(error.message))
    return new AcsError('failed', 'EACSNORESOURCES', `no host has room for VM "${vm}": ${error.message}`, {
      cause: error,
      details,
      hints: ['What the hosts have: acs host list', `Give it less, or stop another: acs vm update ${vm} --memory SIZE`],
    })
  if (wrongState.test(error.message))
    return new AcsError('conflict', 'EACSPOWERSTATE', `VM "${vm}" is not in a state for that: ${error.message}`, {
      cause: error,
      details,
      hints: [`See its state: acs vm show ${vm}`],
    })
  return error
}
