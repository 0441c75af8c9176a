import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { request } from 'node:https'
import type { VolumeLab } from '../volume/lab.js'

/** The old plugin's calls on the cluster, as its proxy's rules have them (nutanix-acs.md 1.4). */
export interface OldPluginCalls {
  /** `docker volume create -o sizeMb=`; returns the group's UUID. */
  create: (name: string, sizeMb?: number) => Promise<string>
  /** A container starts. */
  open: (uuid: string, initiator: string) => Promise<void>
  /** A container stops. */
  close: (uuid: string, initiator: string) => Promise<void>
}

export async function oldPluginCalls(lab: VolumeLab): Promise<OldPluginCalls> {
  const { ACS_ENDPOINT: endpoint = '', ACS_USERNAME: user = '', ACS_PASSWORD_FILE: file = '' } = lab.env
  const password = (await readFile(file, 'utf8')).trim()
  const call = (method: string, path: string, body?: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${endpoint}${path}`,
        {
          method,
          auth: `${user}:${password}`,
          rejectUnauthorized: false,
          headers: { 'content-type': 'application/json' },
        },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          answer.on('end', () => {
            if (answer.statusCode !== 200 && answer.statusCode !== 201) reject(new Error(`${path}: ${text}`))
            else resolve(JSON.parse(text === '' ? 'null' : text))
          })
        },
      )
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  const groups = '/api/nutanix/v0.8/volume_groups'
  return {
    async create(name, sizeMb = 1024) {
      const { entities } = (await call('GET', '/PrismGateway/services/rest/v1/containers/?searchString=default')) as {
        entities: { containerUuid: string }[]
      }
      const createSpec = { containerUuid: entities[0]?.containerUuid, sizeMb }
      const { taskUuid } = (await call('POST', groups, { name, diskList: [{ createSpec }] })) as { taskUuid: string }
      await call('GET', `/api/nutanix/v0.8/tasks/${taskUuid}/poll?timeoutseconds=5`)
      const all = (await call('GET', `${groups}?includeDiskSize=True`)) as { name: string; uuid: string }[]
      return all.findLast((group) => group.name === name)?.uuid ?? ''
    },
    open: async (uuid, iscsiInitiator) => {
      await call('POST', `${groups}/${uuid}/open`, { iscsiInitiator, operation: 'ATTACH' })
    },
    close: async (uuid, iscsiInitiator) => {
      await call('POST', `${groups}/${uuid}/close`, { iscsiInitiator, operation: 'DETACH' })
    },
  }
}

/** What dockerd 20.10 would say with the old plugin installed. */
export interface FakeDocker {
  volumes: { Name: string; Driver: string }[]
  containers: { Id: string; Names: string[]; State: string; Mounts: { Type: string; Name: string; Driver: string }[] }[]
  plugins: unknown[]
  socket: string
  close: () => Promise<void>
}

export async function startFakeDocker(socket: string): Promise<FakeDocker> {
  const docker: FakeDocker = {
    volumes: [],
    containers: [],
    plugins: [],
    socket,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const server = createServer((asked, answer) => {
    const path = (asked.url ?? '').replace(/\?.*/, '')
    const body = {
      '/volumes': { Volumes: docker.volumes, Warnings: [] },
      '/plugins': docker.plugins,
      '/containers/json': docker.containers,
    }[path]
    answer.writeHead(body ? 200 : 404, { 'content-type': 'application/json' })
    answer.end(JSON.stringify(body ?? { message: 'page not found' }))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return docker
}
