import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../src/lib/base/deadline.js'
import { stopDaemon } from '../../src/lib/sim/daemon.js'
import { readRunning } from '../../src/lib/sim/folder-claim.js'
import { acs } from '../integration/cli/acs.js'
import { connect, startRig } from '../integration/sim/sim-client.js'
import { specsPresent } from '../specs.js'
import { judgedRoutes, recordingFile, takeProblems } from './run-contract.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-every-answer-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.skipIf(!specsPresent())('every answer in a test file is judged', () => {
  it('of a simulator in process', async () => {
    // The whole group, where the specification knows of three fields.
    const rig = await startRig({ behaviour: { updateResponse: 'full' } })
    try {
      const task = await rig.client.done(rig.client.post('/volume_groups', { name: 'one' }))
      expect(takeProblems()).toEqual([])
      await rig.client.put(`/volume_groups/${task.entity_list[0]!.entity_id}`, { description: 'changed' })
      expect(takeProblems().join('\n')).toMatch(/PUT .*\/volume_groups\/.* is unknown to /)
    } finally {
      await rig.close()
    }
  })

  it('of one that acs starts', async () => {
    const started = await acs(['sim', 'start', '--detach', '--listen', '127.0.0.1:0', '--iscsi', '127.0.0.1:0'], {
      ACS_SIM_DATA: folder,
    })
    try {
      expect(started).toMatchObject({ code: 0 })
      const { endpoint = '', username = '', passwordFile = '', certificateFile = '' } = (await readRunning(folder))!
      const client = await connect({ endpoint, username, passwordFile, certificateFile })
      await client.get('/hosts')
      client.close()
      expect(judgedRoutes()).toContain('GET v2.0 /hosts')
    } finally {
      await stopDaemon(folder, deadlineIn(10_000))
    }
    expect(takeProblems()).toEqual([])
    const answer = { method: 'GET', path: '/hosts', route: 'GET v2.0 /hosts', status: 200, body: { colour: 'red' } }
    await appendFile(recordingFile(), `${JSON.stringify(answer)}\n{"half a li`)
    expect(takeProblems().join('\n')).toContain('colour is unknown')
  })
})
