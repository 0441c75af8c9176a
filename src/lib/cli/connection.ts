import type { Interfaces } from '@oclif/core'
import type { ResolvedConnection, ResolveInput } from '../config/resolve.js'
import type { HostMachine } from '../host/host.js'
import type { PrismCallEvent } from '../prism/connect.js'
import type { Prism } from '../prism/prism.js'
import type { DebugLog } from './debug-log.js'
import type { connectionFlags } from './flags.js'
import type { Prompt } from './prompt.js'

export type { ResolvedConnection } from '../config/resolve.js'

export type ConnectionFlags = Partial<Interfaces.InferredFlags<typeof connectionFlags>>

export interface ConnectionTools {
  prompt: Prompt
  warn: (text: string) => void
}

/** The cluster and credentials that flags, environment, context and /etc/acs lead to. Throws what `resolveConnection` does. */
export async function resolveFlags(flags: ConnectionFlags, tools: ConnectionTools): Promise<ResolvedConnection> {
  const { resolveConnection } = await import('../config/resolve.js')
  const { prompt, warn } = tools
  return resolveConnection({
    flags: connectionInput(flags),
    env: process.env,
    warn,
    ...(prompt.possible ? { askPassword: (text: string) => prompt.password(text) } : {}),
  })
}

/** The connection flags by the names that `resolveConnection` knows. */
export function connectionInput(flags: ConnectionFlags): ResolveInput['flags'] {
  const { context, endpoint, username, fingerprint } = flags
  const passwordFile = flags['password-file']
  const passwordStdin = flags['password-stdin']
  return { context, endpoint, username, fingerprint, passwordFile, passwordStdin, caFile: flags['ca-file'] }
}

/** A client of the cluster; it connects with its first call. */
export async function openPrism(
  connection: ResolvedConnection,
  options: { userAgent: string; debug: DebugLog; called?: (event: PrismCallEvent) => void },
): Promise<Prism> {
  const { connectPrism } = await import('../prism/connect.js')
  const { endpoint, username, password, ca, fingerprint } = connection
  const { userAgent, debug, called } = options
  return connectPrism({
    endpoint,
    username,
    password,
    ca,
    fingerprint,
    userAgent,
    log(event) {
      debug(callText(event))
      called?.(event)
    },
  })
}

/** The machine acs runs on. */
export async function createHost(debug: DebugLog): Promise<HostMachine> {
  const { createHostMachine } = await import('../host/machine.js')
  const log = (fields: Readonly<Record<string, unknown>>, message: string): void =>
    debug(`host ${message} ${JSON.stringify(fields)}`)
  return createHostMachine({ log: { debug: log, warn: log } })
}

function callText({ requestId, method, path, retry, authentication, ms, status, error, body }: PrismCallEvent): string {
  const outcome = status === undefined ? `failed: ${error ?? 'unknown'}` : String(status)
  const again = retry > 0 ? ` (try ${retry + 1})` : ''
  const sent = body === undefined ? '' : ` ${JSON.stringify(body)}`
  return `prism ${method} ${path}${again} ${outcome} ${Math.round(ms)}ms auth=${authentication} id=${requestId}${sent}`
}
