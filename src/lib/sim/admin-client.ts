import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import type { Deadline } from '../base/deadline.js'
import { AcsError } from '../base/errors.js'
import { readRunning, type RunningSimulator } from './folder-claim.js'
import type { Fault, NewFault, SimulatorState } from './simulator.js'

/** The admin API of a running simulator, seen from outside. */
export interface SimulatorAdmin {
  readonly running: RunningSimulator
  state(): Promise<SimulatorState>
  addFault(fault: NewFault): Promise<Fault>
  listFaults(): Promise<Fault[]>
  /** Returns how many went. Throws EACSNOTFOUND for an id nobody knows. */
  clearFaults(id?: string): Promise<number>
}

/** Throws EACSSIMSTOPPED (not-found) when no simulator runs on that folder. */
export async function connectAdmin(dataFolder: string, deadline: Deadline): Promise<SimulatorAdmin> {
  const running = await readRunning(dataFolder)
  if (!running) throw notRunning(dataFolder)
  // Shapes are those of rest/admin.ts; both ends are one program.
  return {
    running,
    state: async () => (await call(running, deadline, 'GET', '/state')) as SimulatorState,
    addFault: async (fault) => (await call(running, deadline, 'POST', '/faults', fault)) as Fault,
    listFaults: async () => (await call(running, deadline, 'GET', '/faults')) as Fault[],
    async clearFaults(id) {
      const path = id === undefined ? '/faults' : `/faults/${encodeURIComponent(id)}`
      return ((await call(running, deadline, 'DELETE', path)) as { cleared: number }).cleared
    },
  }
}

export function notRunning(dataFolder: string): AcsError {
  return new AcsError('not-found', 'EACSSIMSTOPPED', `no simulator runs on ${dataFolder}`, {
    hints: ['acs sim start --detach', 'Another data folder: --data DIR, or ACS_SIM_DATA'],
  })
}

async function call(
  running: RunningSimulator,
  deadline: Deadline,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const { endpoint, username = '', passwordFile = '', certificateFile = '' } = running
  if (endpoint === undefined) throw new AcsError('failed', 'EACSSIMSTART', 'the simulator is still starting')
  const password = (await readFile(passwordFile, 'utf8')).trim()
  const ca = await readFile(certificateFile)
  deadline.check('asking the simulator')
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const outgoing = request(
      `${endpoint}/sim/v1${path}`,
      {
        method,
        ca,
        auth: `${username}:${password}`,
        signal: deadline.signal,
        headers: { 'Content-Type': 'application/json' },
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  }).catch((cause: unknown) => {
    deadline.check('asking the simulator')
    throw new AcsError('timeout', 'EACSUNREACHABLE', `the simulator does not answer on ${endpoint}`, { cause })
  })
  const answer: unknown = text === '' ? undefined : JSON.parse(text)
  if (status < 300) return answer
  const message =
    typeof answer === 'object' && answer !== null && 'message' in answer ? String(answer.message) : `HTTP ${status}`
  const kind = status === 404 ? 'not-found' : status === 400 ? 'usage' : 'failed'
  throw new AcsError(kind, status === 404 ? 'EACSNOTFOUND' : 'EACSSIM', message)
}
