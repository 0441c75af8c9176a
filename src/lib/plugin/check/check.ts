import type { CheckContext } from './context.js'
import type { PluginClient } from './client.js'
import type { Exchange } from './exchange.js'

/** `must`: Docker or Podman misbehaves or loses something otherwise. `should`: it hurts only now and then, or others. */
export type Severity = 'must' | 'should'

/** What a check cannot do without, besides the plugin: it is skipped where the run lacks it. */
export type Use =
  /** Mounts. */
  | 'mount'
  /** Looks into the mounted folder, so the plugin has to be on this machine. */
  | 'folder'
  /** Restarts the plugin. */
  | 'restart'

/** One thing that the protocol asks of a plugin, and how to see whether it holds. */
export interface Check {
  /** `area.what`, stable: scripts and skip lists name it. */
  id: string
  /** What holds when it passes. */
  title: string
  severity: Severity
  /** What happens to users of a plugin that fails it. */
  why: string
  /** Where that is written or was seen. */
  source: string
  /** Checks without whose passing this one would say nothing. */
  needs?: readonly string[]
  uses?: readonly Use[]
  /** Returns a remark, if there is one. Throws `Complaint` or `Skipped`; makes volumes only through the context, which removes them. */
  run(client: PluginClient, context: CheckContext): Promise<string | undefined> | Promise<void>
}

/** Why a check fails. */
export class Complaint extends Error {
  override readonly name = 'Complaint'
  constructor(
    message: string,
    /** The exchange that shows it; the last one where none is named. */
    readonly exchange?: Exchange,
    /** Less than the check's own severity. */
    readonly mild = false,
  ) {
    super(message)
  }
}

/** Why a check cannot tell. */
export class Skipped extends Error {
  override readonly name = 'Skipped'
}

export type Status = 'pass' | 'fail' | 'warn' | 'skip'

/** Part of a result: an exchange, cut to what a reader needs, secrets taken out. */
export interface Evidence {
  call: string
  /** When it is not POST. */
  method?: string
  request: string
  status: number | null
  body: string
  /** Why there is no answer. */
  lost?: string
  ms: number
  /** The one that decided. */
  decisive?: true
}

export interface CheckResult {
  id: string
  title: string
  severity: Severity
  /** `fail` is a failed must, `warn` a failed should. */
  status: Status
  /** Why it failed or was skipped; a remark where it passed. */
  message?: string
  why: string
  source: string
  ms: number
  evidence: readonly Evidence[]
}
