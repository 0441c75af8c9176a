import { expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { containersUsing } from '../../../src/lib/plugin/containers-using.js'
import type { DockerContainer } from '../../../src/lib/plugin/docker-api.js'

const web: DockerContainer = { id: 'a', name: 'web', state: 'running' }
const job: DockerContainer = { id: 'b', name: 'job', state: 'running' }
const old: DockerContainer = { id: 'c', name: 'old', state: 'exited' }

it('finds the containers that have a volume by any of its names, each once, and running', async () => {
  const byName: Record<string, DockerContainer[]> = { db: [web, old], 'db,size=1G': [web, job] }
  const docker = { containersUsing: (name: string) => Promise.resolve(byName[name] ?? []) }
  const using = containersUsing(docker, { of: () => ['db,size=1G'] })
  expect(await using({ uuid: 'u', name: 'db' }, deadlineIn(1_000))).toEqual([web, job])
  const plainly = containersUsing(docker, { of: () => [] })
  expect(await plainly({ uuid: 'u', name: 'db' }, deadlineIn(1_000))).toEqual([web])
})
