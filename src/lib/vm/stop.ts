import { AcsError, isAcsError } from '../base/errors.js'
import { formatDuration } from '../base/durations.js'
import type { CallOptions, Vm } from '../prism/prism.js'
import type { VmContext } from './context.js'
import { pollVm, stateInWords, type WaitOptions } from './poll.js'

/** Guests that shut down at all do it in less; systemd gives a service 90 s. */
const shutdownTimeoutMs = 3 * 60_000

export interface StopOptions extends WaitOptions {
  /** Cut the power instead of asking the guest. */
  force?: boolean
  onTask?: CallOptions['onTask']
}

/**
 * Stops a machine and returns it as it is then: asks its guest by ACPI and waits until it is off (`timeoutMs`, default
 * 3 min), or cuts its power. Throws EACSSTILLON (timeout), which names `--force`, EACSPOWERSTATE (conflict) for a guest that
 * does not run, and the errors of calls.
 */
export async function stopVm(context: VmContext, vm: Vm, options: StopOptions = {}): Promise<Vm> {
  if (vm.powerState === 'off') return vm
  if (options.force === true) return cutPower(context, vm, options)
  if (vm.powerState === 'paused' || vm.powerState === 'suspended') throw cannotHear(vm)
  await ask(context, vm, options)
  const seen = await pollVm(context, vm, {
    ...options,
    timeoutMs: options.timeoutMs ?? shutdownTimeoutMs,
    isDone: ({ powerState }) => powerState === 'off',
    say: ({ name, powerState }) => `${name} was asked to shut down, and is ${stateInWords(powerState)}`,
  })
  if (seen.inTime) return seen.vm
  throw stillOn(seen)
}

async function cutPower(context: VmContext, vm: Vm, options: StopOptions): Promise<Vm> {
  const { prism, deadline } = context
  await unlessOff(context, vm, () => prism.setPowerState(vm.uuid, 'off', { deadline, onTask: options.onTask }))
  return prism.vm(vm.uuid, { deadline })
}

async function ask(context: VmContext, vm: Vm, options: StopOptions): Promise<void> {
  const { prism, deadline } = context
  await unlessOff(context, vm, () =>
    prism.setPowerState(vm.uuid, 'acpi-shutdown', { deadline, onTask: options.onTask }),
  )
}

/** Somebody else, or the guest itself, may have been faster. */
async function unlessOff(context: VmContext, vm: Vm, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isAcsError(error, 'EACSPOWERSTATE')) throw error
    const now = await context.prism.vm(vm.uuid, { deadline: context.deadline })
    if (now.powerState !== 'off') throw error
  }
}

function cannotHear(vm: Vm): AcsError {
  return new AcsError(
    'conflict',
    'EACSPOWERSTATE',
    `VM "${vm.name}" is ${vm.powerState}: its guest does not run, and cannot shut down`,
    { details: { uuid: vm.uuid, powerState: vm.powerState }, hints: [forceHint(vm)] },
  )
}

function stillOn(seen: { vm: Vm; elapsedMs: number; trouble?: AcsError }): AcsError {
  const { vm, elapsedMs, trouble } = seen
  const state = trouble ? 'and Prism cannot be reached to see' : `and is still ${stateInWords(vm.powerState)}`
  return new AcsError(
    'timeout',
    'EACSSTILLON',
    `VM "${vm.name}" was asked to shut down ${formatDuration(elapsedMs)} ago, ${state}`,
    {
      cause: trouble,
      details: { uuid: vm.uuid, powerState: vm.powerState },
      hints: [forceHint(vm), 'A guest without ACPI, or one that has not booted yet, does not hear it'],
    },
  )
}

function forceHint(vm: Vm): string {
  return `Cut its power, as by pulling the plug: acs vm stop ${vm.name} --force`
}
