import type { Interfaces } from '@oclif/core'
import type { Deadline } from '../base/deadline.js'
import { AcsError } from '../base/errors.js'
import type { HostMachine } from '../host/host.js'
import type { Prism } from '../prism/prism.js'
import type { DebugLog } from './debug-log.js'
import type { connectionFlags } from './flags.js'
import type { Prompt } from './prompt.js'

export interface ResolvedConnection {
  endpoint: string
}

export type ConnectionFlags = Partial<Interfaces.InferredFlags<typeof connectionFlags>>

export interface ConnectionTools {
  prompt: Prompt
  deadline: Deadline
  warn: (text: string) => void
}

/** From flags, environment, context and /etc/acs to one endpoint with credentials. */
export function resolveFlags(_flags: ConnectionFlags, _tools: ConnectionTools): Promise<ResolvedConnection> {
  return Promise.reject(new AcsError('bug', 'EACSBUG', 'connections are not wired yet'))
}

export function openPrism(_connection: ResolvedConnection, _debug: DebugLog): Promise<Prism> {
  return Promise.reject(new AcsError('bug', 'EACSBUG', 'connections are not wired yet'))
}

export function createHost(): Promise<HostMachine> {
  return Promise.reject(new AcsError('bug', 'EACSBUG', 'connections are not wired yet'))
}
