import { AcsError } from '../base/errors.js'
import { formatDuration } from '../base/durations.js'
import type { Vm } from '../prism/prism.js'
import type { VmContext } from './context.js'
import { pollVm, stateInWords, type WaitOptions } from './poll.js'

/** A guest boots, runs cloud-init and asks for an address. */
const addressTimeoutMs = 5 * 60_000

/** The first address that others can reach: not of those that a guest gives itself on its link (RFC 3927, RFC 4291 2.5.6). */
export function usableAddress(vm: Pick<Vm, 'addresses'>): string | undefined {
  return vm.addresses.find((address) => !/^(?:169\.254\.|fe[89ab][\da-f]:)/i.test(address))
}

/**
 * Waits until a machine has an address, and returns it with the machine as it is then. `options.timeoutMs`: default 5 min.
 * Throws EACSNOADDRESS: failed at once for a machine without an interface, timeout with the machine's state.
 */
export async function waitForAddress(
  context: VmContext,
  vm: Vm,
  options: WaitOptions = {},
): Promise<{ vm: Vm; address: string }> {
  const has = usableAddress(vm)
  if (has !== undefined) return { vm, address: has }
  if (vm.nics.length === 0)
    throw new AcsError('failed', 'EACSNOADDRESS', `VM "${vm.name}" has no network interface, and so no address`, {
      details: { uuid: vm.uuid },
      hints: [`Give it one: acs vm nic add ${vm.name} NETWORK`],
    })
  const seen = await pollVm(context, vm, {
    ...options,
    timeoutMs: options.timeoutMs ?? addressTimeoutMs,
    isDone: (now) => usableAddress(now) !== undefined,
    say: (now) => `${now.name} is ${stateInWords(now.powerState)} and has no address yet`,
  })
  const address = usableAddress(seen.vm)
  if (seen.inTime && address !== undefined) return { vm: seen.vm, address }
  throw noAddress(seen)
}

function noAddress(seen: { vm: Vm; elapsedMs: number; trouble?: AcsError }): AcsError {
  const { vm, elapsedMs, trouble } = seen
  const interfaces = vm.nics.length === 1 ? '1 interface' : `${vm.nics.length} interfaces`
  const unplugged = vm.nics.every(({ connected }) => !connected) ? ', none of them connected' : ''
  const state = trouble
    ? `it was ${stateInWords(vm.powerState)}, and since then Prism cannot be reached`
    : `it is ${stateInWords(vm.powerState)}, with ${interfaces}${unplugged}`
  return new AcsError(
    'timeout',
    'EACSNOADDRESS',
    `VM "${vm.name}" has no address after ${formatDuration(elapsedMs)}: ${state}`,
    {
      cause: trouble,
      details: {
        uuid: vm.uuid,
        powerState: vm.powerState,
        networkUuids: vm.nics.map(({ networkUuid }) => networkUuid),
      },
      hints:
        vm.powerState === 'off'
          ? [`Start it: acs vm start ${vm.name}`]
          : [
              'Does its network give addresses? acs network list',
              `Does its guest ask for one? Look at its console in Prism; acs vm show ${vm.name}`,
            ],
    },
  )
}
