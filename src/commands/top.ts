import { Flags } from '@oclif/core'
import { deadlineIn } from '../lib/base/deadline.js'
import { AcsCommand } from '../lib/cli/base-command.js'
import { createHost } from '../lib/cli/connection.js'
import { durationFlag, timeoutFlag } from '../lib/cli/flags.js'
import { sortKeys } from '../lib/cli/top/columns.js'
import type { FrameTools } from '../lib/cli/top/frame.js'
import { style } from '../lib/cli/terminal.js'
import type { Activity } from '../lib/volume/activity.js'
import type { Observer } from '../lib/plugin/observer.js'

/** A look takes milliseconds; what is stuck is told, and looked at again. */
const lookMs = 4_000

export default class Top extends AcsCommand<Activity | null, typeof Top> {
  static override summary =
    'Watch the volumes in use on this machine: reads, writes, latency, how full, and who uses them.'
  static override description =
    "Shows the volume plugin's volumes and those mounted by hand, and the calls of Docker that are at work. Neither the cluster nor a disk is asked. Where the output is no terminal, and with --once, one frame is printed. docs/plugin-status.md explains columns and keys."
  static override examples = [
    'sudo <%= config.bin %> top',
    'sudo <%= config.bin %> top --interval 5s --sort write',
    'sudo <%= config.bin %> top --once',
    "sudo <%= config.bin %> top --json --frames 0 | jq -c '.result.volumes[] | {name, rates}'",
  ]
  static override flags = {
    interval: durationFlag({
      summary: 'Time between two looks.',
      default: 1_000,
      minimumMs: 100,
      maximumMs: 3_600_000,
    }),
    sort: Flags.option({ summary: 'Order of the volumes.', options: sortKeys, default: 'name' })(),
    once: Flags.boolean({ summary: 'Print one frame, and end.', exclusive: ['frames'] }),
    frames: Flags.integer({
      summary:
        'Print so many frames one after the other, 0: until interrupted. JSON is a line for each, when there are several.',
      helpValue: 'N',
      min: 0,
    }),
    timeout: timeoutFlag('0'),
  }

  async run(): Promise<Activity | null> {
    const observer = await this.observer()
    const look = (): Promise<Activity> => {
      this.deadline.check('watching volumes')
      return observer.look(deadlineIn(lookMs, this.deadline.signal))
    }
    const { once, frames, interval: intervalMs, sort } = this.flags
    const tools = await this.tools()
    if (once || frames !== undefined || !this.isLive) return this.printFrames(frames ?? 1, look, observer, tools)
    const { runLive } = await import('../lib/cli/top/live.js')
    await runLive({ look, intervalMs, sort, signal: this.deadline.signal, tools })
    // By a signal or its time, and not by a key.
    if (this.deadline.signal.aborted) this.deadline.check('watching volumes')
    return null
  }

  private get isLive(): boolean {
    return process.stdout.isTTY && process.env.TERM !== 'dumb' && !this.jsonEnabled() && this.flags.output === 'table'
  }

  /** Each after a look before it, as rates are what happened between two. */
  private async printFrames(
    frames: number,
    look: () => Promise<Activity>,
    observer: Observer,
    tools: FrameTools,
  ): Promise<Activity | null> {
    const { renderFrame } = await import('../lib/cli/top/frame.js')
    const { sort, interval, output } = this.flags
    const width = process.stdout.isTTY ? process.stdout.columns : Infinity
    // Whoever reads has had enough: acs top --frames 0 | head. oclif keeps quiet about it, and nobody else would end this.
    const deaf = new Promise<'deaf'>((resolve) => process.stdout.once('error', () => resolve('deaf')))
    await look()
    for (let frame = 1; frames === 0 || frame <= frames; frame += 1) {
      if ((await Promise.race([this.deadline.sleep(interval, 'watching volumes'), deaf])) === 'deaf') return null
      if (frame === 1) await observer.settled()
      const activity = await look()
      if (frames === 1 && this.jsonEnabled()) return activity
      if (this.jsonEnabled()) await this.emit(activity)
      else if (output === 'name') this.print(activity.volumes.map(({ name }) => `${name}\n`).join(''))
      else {
        const view = { width, height: Infinity, sort, reversed: false, offset: 0 }
        if (frame > 1) this.print('\n')
        this.print(renderFrame(activity, view, tools).lines.join('\n'))
      }
    }
    return null
  }

  private async tools(): Promise<FrameTools> {
    const { default: widthOf } = await import('string-width')
    return { widthOf, paint: (name, text) => style(name, text, process.stdout) }
  }

  private async observer(): Promise<Observer> {
    const { createObserver } = await import('../lib/plugin/observer.js')
    const { dockerApi } = await import('../lib/plugin/docker-api.js')
    const { findPlugins } = await import('../lib/plugin/status/find.js')
    const { createInitiators } = await import('../lib/host/machine.js')
    const { defaultRuntimeFolder, machineRoots } = await import('../lib/host/roots.js')
    return createObserver({
      host: await createHost(this.debugLog),
      initiators: createInitiators(),
      roots: machineRoots,
      find: (deadline) => findPlugins(defaultRuntimeFolder(), undefined, deadline),
      docker: (socket) => dockerApi(socket),
    })
  }
}
