import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request, Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Simulator, SimulatorOptions } from '../../../src/lib/sim/simulator.js'
import { startSimulator } from '../../simulator.js'
import type { WireBody } from './wire.js'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: WireBody
}

/** A plain HTTPS client that knows nothing of acs. */
export interface SimClient {
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  get(path: string): Promise<Answer>
  post(path: string, body: unknown): Promise<Answer>
  put(path: string, body: unknown): Promise<Answer>
  delete(path: string): Promise<Answer>
  /** Sends a mutation and waits for its task; returns the task. */
  done(answer: Promise<Answer>): Promise<WireBody>
  close(): void
}

export const v2 = '/PrismGateway/services/rest/v2.0'

export async function connect(
  simulator: Pick<Simulator, 'endpoint' | 'username' | 'passwordFile' | 'certificateFile'>,
): Promise<SimClient> {
  const password = (await readFile(simulator.passwordFile, 'utf8')).trim()
  const agent = new Agent({ ca: await readFile(simulator.certificateFile), keepAlive: true })
  const auth = `Basic ${Buffer.from(`${simulator.username}:${password}`).toString('base64')}`
  const call: SimClient['call'] = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const full =
        path.startsWith('/PrismGateway') || path.startsWith('/api') || path.startsWith('/sim') ? path : v2 + path
      const outgoing = request(
        simulator.endpoint + full,
        { method, agent, headers: { Authorization: auth, 'Content-Type': 'application/json', ...headers } },
        (response) => {
          const parts: Buffer[] = []
          response.on('data', (part: Buffer) => parts.push(part))
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8')
            // The shape is what the tests are about; an answer without body is never looked into.
            const parsed = (text === '' ? undefined : JSON.parse(text)) as WireBody
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed })
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  const client: SimClient = {
    call,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    delete: (path) => call('DELETE', path),
    async done(answer) {
      const { status, body } = await answer
      if (status >= 300) throw new Error(`${status}: ${JSON.stringify(body)}`)
      const poll = await call('POST', '/tasks/poll', { completed_tasks: [body.task_uuid], timeout_interval: 30 })
      const [task] = poll.body.completed_tasks_info
      if (!task) throw new Error(`task ${body.task_uuid} did not end`)
      return task
    },
    close: () => agent.destroy(),
  }
  return client
}

export interface Rig {
  folder: string
  simulator: Simulator
  client: SimClient
  /** Ends the simulator, keeps the folder, starts again. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** A simulator of its own on free ports. */
export async function startRig(options: Partial<SimulatorOptions> = {}): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'acs-sim-test-'))
  const start = async (): Promise<{ simulator: Simulator; client: SimClient }> => {
    const simulator = await startSimulator({ dataFolder: folder, ...options })
    return { simulator, client: await connect(simulator) }
  }
  const rig: Rig = {
    folder,
    ...(await start()),
    async restart() {
      rig.client.close()
      await rig.simulator.close()
      Object.assign(rig, await start())
    },
    async close() {
      rig.client.close()
      await rig.simulator.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return rig
}

/** UUID of the container a plain user would use. */
export async function defaultContainer(client: SimClient): Promise<string> {
  const { body } = await client.get('/storage_containers/?search_string=default-container')
  return body.entities[0]!.storage_container_uuid
}

export const gib = 1024 ** 3

/** A small machine that is off; returns its UUID. */
export async function makeVm(client: SimClient, more: object = {}): Promise<string> {
  const task = await client.done(client.post('/vms/', { name: 'machine', memory_mb: 1024, num_vcpus: 1, ...more }))
  if (task.progress_status !== 'Succeeded') throw new Error(task.meta_response.error_detail)
  return task.entity_list[0]!.entity_id
}

/** A machine with its disks and interfaces, as the cluster tells it. */
export async function readVm(client: SimClient, uuid: string): Promise<WireBody> {
  return (await client.get(`/vms/${uuid}?include_vm_disk_config=true&include_vm_nic_config=true`)).body
}
