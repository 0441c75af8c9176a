import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { dockerApi } from '../../../src/lib/plugin/docker-api.js'
import { requirement } from '../../requirements.js'
import { dockerDaemon, type DockerDaemon } from './docker-daemon.js'

const ready = requirement('docker-api against dockerd', ['root', { tool: 'dockerd' }, { tool: 'docker' }])

/** Nothing is run in it, so it needs no image of anybody. */
describe.skipIf(!ready)('dockerd', () => {
  let folder: string
  let daemon: DockerDaemon

  beforeAll(async () => {
    folder = await mkdtemp(join('/tmp', 'acs-da-'))
    daemon = dockerDaemon(folder)
    await daemon.start()
  })
  afterAll(async () => {
    await daemon.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function call(
    method: string,
    path: string,
    body?: string | Buffer,
    type = 'application/json',
  ): Promise<number> {
    const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const sent = request(
        { socketPath: daemon.socket, method, path, headers: { host: 'd', 'content-type': type } },
        (answer) => {
          let text = ''
          answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
        },
      )
      sent.once('error', reject)
      sent.end(body)
    })
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`)
    return status
  }

  it('tells who uses a volume, what volumes of a driver are used, and what it is', async () => {
    // An empty tar archive is an image of nothing, and a container that never starts is enough.
    await call('POST', '/images/create?fromSrc=-&repo=nothing', Buffer.alloc(1_024), 'application/x-tar')
    const create = (name: string, volume: string): Promise<number> => {
      const mounts = [{ Type: 'volume', Source: volume, Target: '/data' }]
      const body = { Image: 'nothing', Cmd: ['x'], HostConfig: { Mounts: mounts } }
      return call('POST', `/containers/create?name=${name}`, JSON.stringify(body))
    }
    await create('web', 'db')
    await create('job', 'logs')
    await create('other', 'db2')
    const api = dockerApi(`unix://${daemon.socket}`)
    const using = await api.containersUsing('db', deadlineIn(10_000))
    expect(using).toEqual([{ id: expect.stringMatching(/^[0-9a-f]{64}$/) as string, name: 'web', state: 'created' }])
    // The filter of Docker takes a mount point too, and this is one.
    expect(await api.containersUsing('/data', deadlineIn(10_000))).toEqual([])
    expect(await api.containersUsing('none', deadlineIn(10_000))).toEqual([])
    const mounts = await api.mountsOfDriver('local', deadlineIn(10_000))
    expect(mounts.map(({ container, volumeName }) => `${container.name} ${volumeName}`).sort()).toEqual([
      'job logs',
      'other db2',
      'web db',
    ])
    expect(await api.mountsOfDriver('nutanix', deadlineIn(10_000))).toEqual([])
    const version = await api.version(deadlineIn(10_000))
    expect(version).toMatchObject({ engine: 'docker', apiVersion: expect.stringMatching(/^1\.\d+$/) as string })
  })
})
