import { changeBehaviour } from '../behaviour.js'
import { faultKinds } from '../fault-kinds.js'
import type { NewFault, Simulator } from '../simulator.js'
import { errorCodes, WireError } from '../wire-error.js'
import { bodyOf, queryInteger, routesOf, type Request, type Route } from './routes.js'

export interface AdminParts {
  simulator: Pick<Simulator, 'addFault' | 'listFaults' | 'clearFaults' | 'behaviour' | 'state'>
  /** Ends every REST session; the next request must show its password. */
  endSessions: () => void
}

/** The simulator's own API, under /sim/v1, behind the same password as Prism's. */
export function adminRoutes({ simulator, endSessions }: AdminParts): Route[] {
  const route = routesOf('sim')
  return [
    route('GET', '/state', () => ({ body: simulator.state() })),
    route('GET', '/behaviour', () => ({ body: simulator.behaviour })),
    route('PUT', '/behaviour', (request) => {
      const { body } = request
      const problem = changeBehaviour(simulator.behaviour, isRecord(body) ? body : {})
      if (problem !== undefined) throw new WireError(400, problem, errorCodes.badRequest)
      return { body: simulator.behaviour }
    }),
    route('GET', '/vms/{uuid}/console_log', async ({ cluster, parameters, query }) => {
      const vm = cluster.vms.require(parameters.uuid ?? '')
      const text = await cluster.machines.consoleLog(vm.uuid)
      if (text === undefined)
        throw new WireError(404, 'The machines of this simulator are records', errorCodes.notFound)
      const from = queryInteger(query, 'offset') ?? 0
      return { body: { offset: text.length, text: text.slice(from) } }
    }),
    route('GET', '/faults', () => ({ body: simulator.listFaults() })),
    route('POST', '/faults', (request) => ({ status: 201, body: addFault(simulator, request) })),
    route('DELETE', '/faults', () => ({ body: { cleared: simulator.clearFaults() } })),
    route('DELETE', '/faults/{id}', ({ parameters }) => {
      const cleared = simulator.clearFaults(parameters.id)
      if (cleared === 0) throw new WireError(404, `There is no fault ${parameters.id ?? ''}`, errorCodes.notFound)
      return { body: { cleared } }
    }),
    route('DELETE', '/sessions', () => {
      endSessions()
      return { body: { value: true } }
    }),
  ]
}

function addFault(simulator: AdminParts['simulator'], request: Request): object {
  const fields = bodyOf(request)
  const kind = faultKinds.find((candidate) => candidate === fields.string('kind'))
  if (!kind) throw new WireError(400, `Field kind must be one of ${faultKinds.join(', ')}`, errorCodes.badRequest)
  const until = isRecord(request.body) && request.body.count === null ? null : fields.integer('count')
  const fault: NewFault = {
    kind,
    match: fields.string('match'),
    count: until,
    value: fields.integer('value'),
    when: lowerCase(fields.choice(['BEFORE', 'AFTER'], 'when')),
    message: fields.string('message'),
    atPercent: fields.integer('atPercent', 'at_percent'),
  }
  try {
    return simulator.addFault(fault)
  } catch (error) {
    if (error instanceof RangeError) throw new WireError(400, error.message, errorCodes.badRequest)
    throw error
  }
}

function lowerCase(when: 'BEFORE' | 'AFTER' | undefined): NewFault['when'] {
  if (when === undefined) return undefined
  return when === 'AFTER' ? 'after' : 'before'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
