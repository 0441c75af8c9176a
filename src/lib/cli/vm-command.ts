import { Args } from '@oclif/core'
import type { Command } from '@oclif/core'
import type { PowerState, PowerTransition, Vm } from '../prism/prism.js'
import type { VmContext } from '../vm/context.js'
import type { Outcome } from '../vm/several.js'
import { AcsCommand } from './base-command.js'
import type { JsonRecord } from './output/columns.js'
import { vmColumns } from './vms.js'

/** One or more machines, each by UUID, name, range or the shell's pattern. */
export function vmsArg() {
  return Args.string({
    description: 'Name or UUID of a machine, a range (web[01..10]) or a pattern (web*), several of them too',
    required: true,
    ignoreStdin: true,
    multiple: true,
  })
}

export interface ForNamed {
  /** The argument. */
  named: string | readonly string[]
  dryRun: boolean
  /** For the plan of a dry run: `start`. */
  verb: string
  /** For the progress of several: `Starting`. */
  starting: string
  /** Completes "could not": `be started`. */
  doing: string
  /** `Started` */
  done: string
}

/** What commands about machines share. */
export abstract class VmCommand<Result, C extends typeof Command = typeof Command> extends AcsCommand<Result, C> {
  protected async machines(): Promise<VmContext> {
    return { prism: await this.prism(), deadline: this.deadline }
  }

  /** Ends a change: says what happened, and shows the machine as it is now. */
  protected async tellVm(uuid: string, text: string): Promise<JsonRecord> {
    const { prism, deadline } = await this.machines()
    this.progress.done()
    this.say(text)
    return this.showOne(vmColumns, await prism.vm(uuid, { deadline }))
  }

  /** `forEach` of the machines that the argument means; with `--dry-run` only says what it would do. */
  protected async forNamed(
    request: ForNamed,
    work: (vm: Vm, context: VmContext, alone: boolean) => Promise<Vm>,
  ): Promise<JsonRecord[]> {
    const { findVms } = await import('../vm/find.js')
    const context = await this.machines()
    const vms = await findVms(context, [request.named].flat())
    if (request.dryRun) return [this.showPlan(vms.map(({ name }) => `${request.verb} the machine "${name}"`))]
    if (vms.length > 1) this.progress.start(`${request.starting} ${vms.length} machines`)
    return this.forEach(vms, (vm) => work(vm, context, vms.length === 1), request)
  }

  /** Changes the power state of the named machines; one that is at `end` already stays as it is. */
  protected setPower(
    request: ForNamed,
    { transition, end }: { transition: PowerTransition; end?: PowerState },
  ): Promise<JsonRecord[]> {
    return this.forNamed(request, async (vm, { prism, deadline }) => {
      if (vm.powerState === end) return vm
      await prism.setPowerState(vm.uuid, transition, { deadline })
      return prism.vm(vm.uuid, { deadline })
    })
  }

  /**
   * Works for each of the machines, ten at a time, and shows what they are afterwards. Of several, some may fail: the rest is
   * done all the same, and the exit code is 7. `doing` completes "could not": `be started`.
   */
  protected async forEach<T extends { name: string }>(
    items: readonly T[],
    work: (item: T) => Promise<Vm>,
    words: { doing: string; done: string },
  ): Promise<JsonRecord[]> {
    const { allResults, workForAll } = await import('../vm/several.js')
    const onEnd = ({ item }: Outcome<T, Vm>, ended: number): void => {
      if (items.length > 1) this.progress.update(`${ended} of ${items.length}: ${item.name}`)
    }
    const outcomes = await workForAll(items, work, { onEnd })
    this.progress.done()
    const vms = allResults(outcomes, words.doing)
    this.say(`${words.done} ${vms.map(({ name }) => name).join(', ') || 'nothing'}.`)
    return this.showList(vmColumns, vms)
  }
}
