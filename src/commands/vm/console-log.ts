import { Flags } from '@oclif/core'
import { printableLines } from '../../lib/base/printable.js'
import { nameArg } from '../../lib/cli/flags.js'
import { interruptSignal } from '../../lib/cli/interrupt.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { VmCommand } from '../../lib/cli/vm-command.js'

const lookEveryMs = 500

export default class VmConsoleLog extends VmCommand<JsonRecord, typeof VmConsoleLog> {
  static override summary = "Print what a machine has written to its serial console: a simulator's machine that boots."
  static override description =
    'No API of Prism has such a log; acs sim keeps one of each machine it boots with --hypervisor qemu.'
  static override examples = [
    '<%= config.bin %> vm console-log web01 -n 50',
    '<%= config.bin %> vm console-log web01 -f',
  ]
  static override args = { vm: nameArg('Name or UUID of the machine') }
  static override flags = {
    lines: Flags.integer({ char: 'n', summary: 'Only the last lines.', helpValue: 'COUNT', min: 0 }),
    follow: Flags.boolean({ char: 'f', summary: 'Go on with what comes, until Ctrl-C.' }),
  }

  async run(): Promise<JsonRecord> {
    const { findVm } = await import('../../lib/vm/find.js')
    const context = await this.machines()
    const { prism, deadline } = context
    const vm = await findVm(context, this.args.vm)
    const { text, offset } = await prism.consoleLog(vm.uuid, { deadline })
    const shown = this.flags.lines === undefined ? text : lastLines(text, this.flags.lines)
    this.print(readable(shown))
    if (this.flags.follow) await this.follow(vm.uuid, offset)
    return { name: vm.name, uuid: vm.uuid, log: shown }
  }

  /** Without the command's own time: until it is interrupted. */
  private async follow(uuid: string, from: number): Promise<void> {
    const prism = await this.prism()
    let offset = from
    let begun = ''
    const stop = interruptSignal()
    while (!stop.aborted) {
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
      const next = await prism.consoleLog(uuid, { offset })
      offset = next.offset
      // A line that is still being written waits for its end.
      const lines = (begun + next.text).split('\n')
      begun = lines.pop() ?? ''
      if (lines.length > 0) this.print(readable(lines.join('\n')))
    }
  }
}

/** What a guest writes must not drive the terminal it is read on. */
function readable(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is to go: colours and movements of the cursor
  return printableLines(text.replace(/\u001b(\[[0-9;?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>c78])/g, '').replaceAll('\r', ''))
}

function lastLines(text: string, count: number): string {
  const lines = text.split('\n')
  const ends = text.endsWith('\n') ? count + 1 : count
  return count === 0 ? '' : lines.slice(-ends).join('\n')
}
