import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request as httpsRequest, createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { connectPrism, type ConnectOptions } from '../../../src/lib/prism/connect.js'
import type { PrismCallEvent } from '../../../src/lib/prism/http.js'
import type { Prism } from '../../../src/lib/prism/prism.js'
import type { Simulator, SimulatorOptions } from '../../../src/lib/sim/simulator.js'
import { startSimulator } from '../../simulator.js'

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export interface Lab {
  sim: Simulator
  /** A client of its own, with its own session. */
  connect: (options?: Partial<ConnectOptions>) => Prism
  /** What the clients sent, in order. */
  events: PrismCallEvent[]
  password: string
  containerUuid: string
  dataFolder: string
}

/** A simulated cluster on free ports, gone with the test. */
export async function startLab(options: Partial<SimulatorOptions> = {}): Promise<Lab> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'acs-prism-'))
  cleanups.push(() => rm(dataFolder, { recursive: true, force: true }))
  const sim = await startSimulator({ dataFolder, ...options })
  cleanups.push(() => sim.close())
  const events: PrismCallEvent[] = []
  const password = (await readFile(sim.passwordFile, 'utf8')).trim()
  const connect = (more: Partial<ConnectOptions> = {}): Prism => {
    const prism = connectPrism({
      endpoint: sim.endpoint,
      username: sim.username,
      password: () => Promise.resolve(password),
      fingerprint: sim.fingerprint,
      userAgent: 'acs-test',
      retryBaseMs: 10,
      log: (event) => events.push(event),
      ...more,
    })
    cleanups.push(() => prism.close())
    return prism
  }
  const containers = await connect().storageContainers()
  const container = containers.find(({ internal }) => !internal)
  if (!container) throw new Error('the simulator has no storage container')
  events.length = 0
  return { sim, connect, events, password, containerUuid: container.uuid, dataFolder }
}

/**
 * A gateway before the simulator that carries requests out and then loses the answer of those that match:
 * what a crash of Prism's own gateway looks like. Shows the simulator's certificate.
 */
export async function startLossyGateway(
  lab: Lab,
  loses: (method: string, path: string) => boolean,
): Promise<{ endpoint: string; lost: string[] }> {
  const [key, cert] = await Promise.all(
    ['key.pem', 'certificate.pem'].map((name) => readFile(join(lab.dataFolder, name))),
  )
  const lost: string[] = []
  const server = createServer({ key, cert }, (request, response) => {
    const { method = '', url = '', headers } = request
    const forwarded = httpsRequest(lab.sim.endpoint + url, { method, headers, rejectUnauthorized: false }, (answer) => {
      if (loses(method, url)) {
        lost.push(`${method} ${url}`)
        answer.resume().once('end', () => request.socket.destroy())
        return
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    forwarded.once('error', () => request.socket.destroy())
    request.pipe(forwarded)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return { endpoint: `https://127.0.0.1:${address.port}`, lost }
}

/** True the first `times` times the pattern matches. */
export function firstTimes(times: number, pattern: RegExp): (method: string, path: string) => boolean {
  let left = times
  return (method, path) => {
    if (left === 0 || !pattern.test(`${method} ${path}`)) return false
    left -= 1
    return true
  }
}
