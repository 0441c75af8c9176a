import { errorCode } from '../base/errors.js'
import { Command } from '@oclif/core'
import type { Interfaces } from '@oclif/core'
import { deadlineIn } from '../base/deadline.js'
import type { Deadline } from '../base/deadline.js'
import { printable, printableLines } from '../base/printable.js'
import { redactKnown } from '../base/redact.js'
import type { HostMachine } from '../host/host.js'
import type { PrismCallEvent } from '../prism/connect.js'
import type { CallOptions, Prism } from '../prism/prism.js'
import { createHost, openPrism, resolveFlags } from './connection.js'
import type { ResolvedConnection } from './connection.js'
import { createDebugLog } from './debug-log.js'
import type { DebugLog } from './debug-log.js'
import { toAcsError } from './errors.js'
import type { Failure } from './errors.js'
import { connectionFlags, globalFlags } from './flags.js'
import type { destructiveFlags, listFlags } from './flags.js'
import { interruptSignal } from './interrupt.js'
import { nameOf, recordOf, selectColumns } from './output/columns.js'
import type { Columns, JsonRecord } from './output/columns.js'
import { documentText, machineFormat } from './output/document.js'
import { filterRows } from './output/filter.js'
import { sortRows } from './output/sort.js'
import { createProgress, silentProgress } from './progress.js'
import type { Progress } from './progress.js'
import { Prompt } from './prompt.js'
import { report } from './report.js'
import { divertStdout, writeStdout } from './stdout.js'
import { taskProgress } from './tasks.js'
import { style } from './terminal.js'

type SharedFlags = Interfaces.InferredFlags<typeof connectionFlags & typeof globalFlags>
type OptionalFlags = Partial<Interfaces.InferredFlags<typeof listFlags & typeof destructiveFlags>>

export type FlagsOf<C extends typeof Command> = SharedFlags & Interfaces.InferredFlags<C['flags']>
export type ArgsOf<C extends typeof Command> = Interfaces.InferredArgs<C['args']>

/** Errors a command has told the user already, so that the entry point does not tell them twice. */
const told = new WeakMap<object, Failure>()

/** What the user was told of an error that a command threw. */
export function toldFailure(error: unknown): Failure | undefined {
  return typeof error === 'object' && error !== null ? told.get(error) : undefined
}

/**
 * What every command shares. `Result` is what `run` returns and `--json` prints under `result`; `C` is the command's own
 * class, for the types of its flags and arguments: `class VolumeShow extends AcsCommand<JsonRecord, typeof VolumeShow>`.
 */
export abstract class AcsCommand<Result, C extends typeof Command = typeof Command> extends Command {
  static override enableJsonFlag = true
  static override baseFlags = { ...connectionFlags, ...globalFlags }

  protected flags!: FlagsOf<C>
  protected args!: ArgsOf<C>
  protected progress: Progress = silentProgress
  protected prompt = new Prompt({ noInput: true })
  /** `--debug`, secrets taken out; hand it to rooms that log. */
  protected debugLog: DebugLog = createDebugLog(false)

  /** The same flags, typed for the base class, which knows no `C`. */
  private shared!: SharedFlags & OptionalFlags
  private readonly warnings: string[] = []
  private emitted = false
  private stdout?: { release: () => void }
  private sharedDeadline?: Deadline
  private resolved?: Promise<ResolvedConnection>
  private connected?: Promise<Prism>
  private machine?: Promise<HostMachine>

  abstract override run(): Promise<Result>

  /** Until when the whole command may take, and the signal of Ctrl-C; carry it into every call. */
  protected get deadline(): Deadline {
    this.sharedDeadline ??= deadlineIn(this.shared.timeout || Infinity, interruptSignal())
    return this.sharedDeadline
  }

  /** The cluster and credentials that flags, environment and contexts lead to. */
  protected connection(): Promise<ResolvedConnection> {
    this.resolved ??= resolveFlags(this.shared, {
      prompt: this.prompt,
      warn: (text) => void this.warn(text),
    })
    return this.resolved
  }

  /** The cluster, connected on first use and closed when the command ends. */
  protected prism(): Promise<Prism> {
    this.connected ??= this.connection().then((connection) =>
      openPrism(connection, {
        userAgent: this.config.userAgent,
        debug: this.debugLog,
        called: (event) => this.prismCalled?.(event),
      }),
    )
    return this.connected
  }

  /** For the services' `onTask`. */
  protected get onTask(): NonNullable<CallOptions['onTask']> {
    return taskProgress(this.progress)
  }

  /** Told of every try of a call to the cluster. */
  protected prismCalled?(event: PrismCallEvent): void

  /** This machine. */
  protected host(): Promise<HostMachine> {
    this.machine ??= createHost(this.debugLog)
    return this.machine
  }

  /** Talk, on stderr; not with --quiet or a machine-readable format. */
  protected say(text: string): void {
    if (this.silent) return
    this.progress.pause()
    process.stderr.write(`${printableLines(text)}\n`)
  }

  /** Data, on stdout, for commands whose result is text; not in a machine-readable format. */
  protected print(text: string): void {
    if (text !== '' && !this.jsonEnabled()) process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  }

  /** Shown on stderr, and part of the JSON document. */
  override warn(input: Error | string): Error | string {
    const text = redactKnown(typeof input === 'string' ? input : input.message)
    this.warnings.push(text)
    if (!this.jsonEnabled()) {
      this.progress.pause()
      process.stderr.write(`${style('yellow', 'Warning', process.stderr)}: ${printableLines(text)}\n`)
    }
    return input
  }

  /**
   * One of several results, at once, for a command that goes on: a line of JSON, or a YAML document. What `run` returns is
   * not printed then.
   */
  protected async emit(result: Result): Promise<void> {
    const format = machineFormat(this.argv)
    if (!format) return
    this.emitted = true
    const document = await documentText({ result, warnings: this.warnings }, format)
    writeStdout(format === 'json' ? `${document.replace(/\n */g, '')}\n` : `---\n${document}`)
  }

  /**
   * Filters, sorts, cuts and prints rows as the list flags ask, and returns them as the command's result.
   * @param empty what to say, on stderr, when there is no row.
   */
  protected async showList<Row>(columns: Columns<Row>, rows: readonly Row[], empty?: string): Promise<JsonRecord[]> {
    const { columns: wanted, filter = [], sort, limit, quiet, output } = this.shared
    const shown = selectColumns(columns, wanted)
    let chosen = filterRows(columns, rows, filter)
    if (sort !== undefined) chosen = sortRows(columns, chosen, sort)
    if (limit !== undefined) chosen = chosen.slice(0, limit)
    if (output === 'name' || quiet) this.print(chosen.map((row) => `${shownName(nameOf(columns, row))}\n`).join(''))
    else if (!this.jsonEnabled()) {
      const { listTable } = await import('./output/table.js')
      if (chosen.length > 0) this.print(await listTable(shown, chosen))
      else if (rows.length > 0 && limit !== 0) this.say(`None of ${rows.length} matches.`)
      else if (rows.length === 0 && empty) this.say(empty)
    }
    return chosen.map((row) => recordOf(wanted === undefined ? columns : shown, row))
  }

  /** Prints one object, a line a column, and returns it as the command's result. */
  protected async showOne<Row>(columns: Columns<Row>, row: Row): Promise<JsonRecord> {
    if (this.shared.output === 'name') this.print(shownName(nameOf(columns, row)))
    else if (!this.jsonEnabled()) {
      const { detailTable } = await import('./output/table.js')
      this.print(await detailTable(columns, row))
    }
    return recordOf(columns, row)
  }

  /** Ends a `--dry-run`. */
  protected showPlan(planned: readonly string[]): JsonRecord {
    this.progress.done()
    if (planned.length === 0) this.say('Nothing to do.')
    this.print(planned.map((step, index) => `${index + 1}. ${step}\n`).join(''))
    return { dryRun: true, planned: [...planned] }
  }

  /** True for every machine-readable format; oclif prints no text of its own then. */
  override jsonEnabled(): boolean {
    return machineFormat(this.argv) !== undefined
  }

  /** oclif's own life of a command, but with one document whatever the result, and errors told by us. */
  protected override async _run<T>(): Promise<T> {
    try {
      await this.init()
      const result = await this.run()
      const format = machineFormat(this.argv)
      if (format && !this.emitted)
        writeStdout(await documentText({ result: result ?? null, warnings: this.warnings }, format))
      // `_run` has a type parameter of its own, which oclif fills with the result of `run`.
      return result as unknown as T
    } catch (error) {
      return await this.tell(error)
    } finally {
      this.stdout?.release()
      // A connection that failed has been told already.
      const prism = await this.connected?.catch(() => undefined)
      await prism?.close()
    }
  }

  protected override async init(): Promise<void> {
    await super.init()
    if (this.jsonEnabled()) this.stdout = divertStdout()
    const { ctor } = this
    const { args, flags } = await this.parse({
      flags: ctor.flags,
      baseFlags: ctor.baseFlags,
      args: ctor.args,
      strict: ctor.strict,
      constraints: ctor.constraints,
      enableJsonFlag: ctor.enableJsonFlag,
    })
    this.flags = flags as FlagsOf<C>
    this.args = args as ArgsOf<C>
    this.shared = flags as SharedFlags & OptionalFlags
    this.debugLog = createDebugLog(this.shared.debug)
    this.progress = createProgress({ silent: this.silent })
    const { yes, confirm } = this.shared
    this.prompt = new Prompt({ noInput: this.shared['no-input'], yes, confirm })
  }

  private get silent(): boolean {
    return this.jsonEnabled() || this.shared.quiet === true
  }

  /** Tells the user, once, and passes the error on for its exit code. */
  private async tell(error: unknown): Promise<never> {
    // oclif's way to end early with success or a code, e.g. after help.
    if (errorCode(error) === 'EEXIT') throw error
    const known = toAcsError(error, {
      command: this.id?.replaceAll(':', ' '),
      flags: { json: {}, ...this.ctor.baseFlags, ...this.ctor.flags },
    })
    this.progress.fail()
    const { argv, warnings } = this
    told.set(known, await report(known, { argv, warnings }))
    throw known
  }
}

/** A script gets a name as it is, a terminal nothing that would drive it, as with ls. */
function shownName(name: string): string {
  return process.stdout.isTTY ? printable(name) : name
}
