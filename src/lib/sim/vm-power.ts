import type { PowerState, PowerTransition, VmRecord } from './store/machine-records.js'
import type { HostRecord } from './store/records.js'
import type { Store } from './store/store.js'
import { errorCodes, WireError } from './wire-error.js'

/** Each host has 128 GiB, all of it for machines. */
export const hostMemoryBytes = 128 * 1024 ** 3
const hostMemoryMb = hostMemoryBytes / 1024 ** 2

/** From where each transition leads where; what is not there is refused. All assumed, but for the names. */
const transitions: Readonly<Record<PowerTransition, Readonly<Partial<Record<PowerState, PowerState>>>>> = {
  ON: { off: 'on' },
  OFF: { on: 'off', paused: 'off', suspended: 'off' },
  POWERCYCLE: { on: 'on', paused: 'on' },
  RESET: { on: 'on' },
  PAUSE: { on: 'paused' },
  SUSPEND: { on: 'suspended' },
  SAVE: { on: 'suspended' },
  RESUME: { paused: 'on', suspended: 'on' },
  ACPI_SHUTDOWN: { on: 'off' },
  ACPI_REBOOT: { on: 'on' },
}

/**
 * The machine after a transition: the one place where its power changes. It is a record only; what boots machines for
 * real will be asked here.
 *
 * @throws WireError where the state does not allow it, or no host has the memory.
 */
export function changePower(store: Store, vm: VmRecord, transition: PowerTransition, wantedHost?: string): VmRecord {
  const next = transitions[transition][vm.powerState]
  if (!next) throw invalidState(vm.powerState)
  if (!occupiesMemory(next)) return { ...vm, powerState: next, hostUuid: undefined }
  const movesTo = transition === 'ON' || transition === 'POWERCYCLE' ? wantedHost : undefined
  const staysOn = movesTo === undefined ? vm.hostUuid : undefined
  return { ...vm, powerState: next, hostUuid: staysOn ?? findHost(store, vm, movesTo).uuid }
}

export function invalidState(state: PowerState): WireError {
  const words = state.charAt(0).toUpperCase() + state.slice(1)
  return new WireError(500, `InvalidVmState: Cannot complete request in state ${words}`, errorCodes.general)
}

/** A suspended machine's memory is on disk. */
function occupiesMemory(state: PowerState): boolean {
  return state === 'on' || state === 'paused'
}

/** Specified: the host with the most to spare, of memory here. */
function findHost(store: Store, vm: VmRecord, wanted: string | undefined): HostRecord {
  const hosts = [...store.hosts.values()]
    .filter((host) => wanted === undefined || host.uuid === wanted)
    .map((host) => ({ host, freeMb: hostMemoryMb - usedMb(store, host.uuid, vm.uuid) }))
    .sort((a, b) => b.freeMb - a.freeMb)
  const [best] = hosts
  if (best && best.freeMb >= vm.memoryMb) return best.host
  throw new WireError(
    500,
    `NoHostResources: No host has enough available memory for VM ${vm.name}: ${vm.memoryMb} MB needed, ${best?.freeMb ?? 0} MB available`,
    errorCodes.general,
  )
}

function usedMb(store: Store, hostUuid: string, besides: string): number {
  let used = 0
  for (const vm of store.vms.values())
    if (vm.hostUuid === hostUuid && vm.uuid !== besides && occupiesMemory(vm.powerState)) used += vm.memoryMb
  return used
}
