import { request } from 'node:https'
import type { Deadline } from '../base/deadline.js'
import { PrismAgent, type Trust } from './agent.js'
import { parseEndpoint } from './endpoint.js'
import { unreachable } from './errors.js'

/**
 * The time on the machine that answers for Prism, by the `Date` of an answer to a HEAD without a login: whole
 * seconds. Undefined when it says none. Throws EACSUNREACHABLE, also for a certificate that is not trusted.
 */
export function readClock(endpoint: string, trust: Trust, deadline: Deadline): Promise<Date | undefined> {
  const { host, port, authority } = parseEndpoint(endpoint)
  deadline.check(`reading the time of ${authority}`)
  const agent = new PrismAgent(trust, { keepAlive: false })
  return new Promise<Date | undefined>((resolve, reject) => {
    const asked = request({ host, port, path: '/', method: 'HEAD', agent, signal: deadline.signal }, (answer) => {
      answer.resume()
      const time = new Date(answer.headers.date ?? Number.NaN)
      resolve(Number.isNaN(time.getTime()) ? undefined : time)
    })
    asked.once('error', (error) => reject(unreachable(authority, error)))
    asked.end()
  }).finally(() => agent.destroy())
}
