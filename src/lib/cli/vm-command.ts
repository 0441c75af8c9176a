import { Args } from '@oclif/core'
import type { Command } from '@oclif/core'
import type { Vm } from '../prism/prism.js'
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

/** What commands about machines share. */
export abstract class VmCommand<Result, C extends typeof Command = typeof Command> extends AcsCommand<Result, C> {
  protected async machines(): Promise<VmContext> {
    return { prism: await this.prism(), deadline: this.deadline }
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
