import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Prism } from '../../../src/lib/prism/prism.js'
import { acs } from './acs.js'
import { startClusterRig, type ClusterRig } from './cluster-rig.js'

let rig: ClusterRig
let prism: Prism
let environment: Record<string, string>
let taskUuid: string

beforeAll(async () => {
  rig = await startClusterRig()
  ;({ prism, environment } = rig)
  const [container] = await prism.storageContainers()
  const disks = [{ sizeBytes: 1024 ** 3, storageContainerUuid: container!.uuid }]
  for (const name of ['web-2', 'web-10', 'db'])
    taskUuid = (await prism.createVolumeGroup({ name, disks })).taskUuid ?? taskUuid
})
afterAll(() => rig.close())

const json: ClusterRig['json'] = (...args) => rig.json(...args)

describe('what the cluster says, the commands show', () => {
  test('cluster show', async () => {
    const { uuid, name, nodeCount } = await prism.cluster()
    expect(await json('cluster', 'show')).toMatchObject({ uuid, name, nodeCount })
    expect((await acs(['cluster', 'show', '-o', 'name'], environment)).stdout).toBe(`${name}\n`)
  })

  test('container list, in order and filtered', async () => {
    const names = (await prism.storageContainers()).map((container) => container.name)
    const listed = await acs(['ctr', 'ls', '-q', '--sort', 'name:desc'], environment)
    expect(listed.stdout.trim().split('\n').sort()).toEqual(names.sort())
    expect(await json('container', 'list', '--filter', 'capacityBytes<1K')).toEqual([])
    const table = await acs(['container', 'list'], environment)
    expect(table.stdout.split('\n')[0]).toMatch(/^NAME +UUID +CAPACITY +USED +RF$/)
  })

  test('host list', async () => {
    const hosts = await prism.hosts()
    expect(await json('host', 'list', '--columns', 'name,uuid')).toEqual(
      hosts.map(({ name, uuid }) => ({ name, uuid })),
    )
  })

  test('task show, wait and list', async () => {
    expect(await json('task', 'show', taskUuid)).toMatchObject({ uuid: taskUuid, status: 'succeeded', percent: 100 })
    expect(await json('task', 'wait', taskUuid)).toMatchObject({ status: 'succeeded' })
    expect(await json('task', 'list', '--all', '--filter', `uuid=${taskUuid}`)).toHaveLength(1)
  })

  test('what is not there is 3, a wrong password is 4', async () => {
    expect(await acs(['task', 'show', '00000000-0000-4000-8000-000000000000'], environment)).toMatchObject({
      code: 3,
      stdout: '',
    })
    const wrong = await acs(['cluster', 'show', '--password-stdin', '--json'], environment, 'not the password\n')
    expect(wrong.code).toBe(4)
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'EACSAUTH', exitCode: 4 } })
    expect(wrong.stdout).not.toContain('not the password')
  })

  test('--debug logs the calls without the password', async () => {
    const { stderr } = await acs(['cluster', 'show', '--debug'], environment)
    expect(stderr).toMatch(/\+\d+ms prism GET \/cluster\S* 200 /)
    expect(stderr).not.toContain(readFileSync(rig.simulator.passwordFile, 'utf8').trim())
    expect(stderr).not.toMatch(/Basic [A-Za-z0-9+/]{8}/)
  })
})

describe('names for completion', () => {
  const complete = async (...args: string[]) => acs(['__complete', ...args], environment)

  test('volumes that begin with what was typed, numbers in order', async () => {
    expect(await complete('volumes', 'web')).toEqual({ code: 0, stdout: 'web-2\nweb-10\n', stderr: '' })
    expect((await complete('volumes', '')).stdout).toBe('db\nweb-2\nweb-10\n')
    expect((await complete('containers', 'default')).stdout).toMatch(/^default-container-\d+\n$/)
  })

  test('the flags on the line are obeyed', async () => {
    const { ACS_ENDPOINT, ...others } = environment
    const line = ['--', 'volume', 'show', '--endpoint', ACS_ENDPOINT!]
    expect((await acs(['__complete', 'volumes', 'd', ...line], others)).stdout).toBe('db\n')
    expect((await acs(['__complete', 'volumes', 'd'], others)).stdout).toBe('')
  })

  test('no cluster, no names and no noise, within the time a person waits', async () => {
    const started = performance.now()
    const unreachable = { ...environment, ACS_ENDPOINT: '192.0.2.1' }
    expect(await acs(['__complete', 'volumes', ''], unreachable)).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(performance.now() - started).toBeLessThan(4000)
    expect(await acs(['__complete', 'volumes', ''])).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await acs(['__complete', 'contexts', ''])).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})
