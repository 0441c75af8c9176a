import type { Deadline } from '../base/deadline.js'
import type { HostMachine, Initiator, InitiatorKind } from '../host/host.js'
import type { Prism } from '../prism/prism.js'
import type { Checkpoint } from './checkpoint.js'
import type { FreezeGuard } from './freeze-guard.js'

/** What every volume service works with; built once by the command or the plugin. */
export interface VolumeContext {
  prism: Prism
  host: HostMachine
  /** Folder of this machine's journal, CHAP secrets and attach records. */
  stateFolder: string
  /** `host[:port]` of the data services portal, where it is not the one the cluster names. */
  dataServices?: string
  /** Which initiator to use; default `auto`. */
  initiator?: InitiatorKind | 'auto'
  deadline: Deadline
  /** Told what is happening, for progress; never needed for the work itself. */
  report?: (event: VolumeEvent) => void
  /** Told how an operation ended that an earlier process was interrupted in. */
  replayed?: (result: 'finished' | 'undone' | 'failed') => void
  /** Named points of the journal, for tests that crash there. */
  checkpoint?: Checkpoint
  /** Starts the process that thaws a frozen filesystem should acs die meanwhile. */
  freezeGuard?: FreezeGuard
  /** Address of the volume plugin that acts, recorded with the holder. */
  pluginAddress?: string
}

export interface VolumeEvent {
  /** `step`: what is being done now; `note`: worth saying; `warning`: worth acting on. */
  kind: 'step' | 'note' | 'warning'
  message: string
}

export function note(context: VolumeContext, message: string): void {
  context.report?.({ kind: 'note', message })
}

export function warn(context: VolumeContext, message: string): void {
  context.report?.({ kind: 'warning', message })
}

export function announceStep(context: VolumeContext, message: string): void {
  context.report?.({ kind: 'step', message })
}

/** This machine as the cluster's records name it. */
export interface Me {
  hostName: string
  bootId: string
  /** IQN of this machine's initiator. */
  initiatorName: string
}

/** Who this machine is, and the initiator that acts for it. */
export async function whoAmI(context: VolumeContext): Promise<{ me: Me; initiator: Initiator }> {
  const initiator = await context.host.initiator(context.initiator ?? 'auto', context.deadline)
  const { hostName, bootId } = await context.host.identity()
  return { me: { hostName, bootId, initiatorName: await initiator.name() }, initiator }
}
