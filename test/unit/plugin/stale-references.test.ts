import { createHash } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import type { DockerContainer } from '../../../src/lib/plugin/docker-api.js'
import { createStaleReferences } from '../../../src/lib/plugin/stale-references.js'
import { call, recordingLog, scene, type Scene } from './scene.js'

async function looked(
  s: Scene,
  containersNaming: () => Promise<DockerContainer[]>,
  { caller = 'one', now = Date.now } = {},
): Promise<() => Promise<void>> {
  await s.volumes.mount(s.volume, caller, call())
  return createStaleReferences({ volumes: s.volumes, log: recordingLog(), containersNaming, now })
}

function container(state: string): DockerContainer {
  return { id: 'c'.repeat(64), name: 'web', state }
}

describe('callers that are gone', () => {
  it.each(['created', 'exited'])(
    'are not gone while a container that is %s may be on its way: Docker mounts all its volumes before it runs',
    async (state) => {
      const s = await scene()
      let nowMs = Date.now()
      const look = await looked(s, () => Promise.resolve([container(state)]), { now: () => nowMs })
      for (let looks = 0; looks < 3; looks += 1) {
        await look()
        nowMs += 45_000
      }
      expect(s.volumes.byName('db')?.ids).toHaveLength(1)
      // Docker gives each mount two minutes.
      nowMs += 60_000
      await look()
      await look()
      await vi.waitFor(() => expect(s.context.host.mounted).toEqual([]))
    },
  )

  it('are dropped at the second look', async () => {
    const s = await scene()
    const look = await looked(s, () => Promise.resolve([]))
    await look()
    expect(s.volumes.byName('db')?.ids).toHaveLength(1)
    await look()
    await vi.waitFor(() => expect(s.context.host.mounted).toEqual([]))
  })

  it('are not gone while a container names the volume', async () => {
    const s = await scene()
    const look = await looked(s, () => Promise.resolve([container('running')]))
    for (let looks = 0; looks < 3; looks += 1) await look()
    expect(s.volumes.byName('db')?.ids).toHaveLength(1)
  })

  it('are not gone while a mount namespace has the disk', async () => {
    const s = await scene()
    s.context.host.mountedElsewhere = () => Promise.resolve([4711])
    const look = await looked(s, () => Promise.resolve([]))
    for (let looks = 0; looks < 3; looks += 1) await look()
    expect(s.volumes.byName('db')?.ids).toHaveLength(1)
  })

  it('are not gone while dockerd has the volume at another place, as for a long docker cp into a stopped container', async () => {
    const s = await scene()
    const look = await looked(s, () => Promise.resolve([]))
    const [mount] = s.context.host.mounted
    s.context.host.mounted.push({ ...mount!, mountPoint: '/var/lib/docker/overlay2/x/merged/data' })
    for (let looks = 0; looks < 3; looks += 1) await look()
    expect(s.volumes.byName('db')?.ids).toHaveLength(1)
  })

  it("are not gone when they are Podman's, who mounts without a container too", async () => {
    const s = await scene()
    const podman = createHash('sha256').update('placeholder\n').digest('hex')
    const look = await looked(s, () => Promise.resolve([]), { caller: podman })
    for (let looks = 0; looks < 3; looks += 1) await look()
    expect(s.volumes.byName('db')?.ids).toHaveLength(1)
  })

  it('are not gone when Docker does not answer', async () => {
    const s = await scene()
    const look = await looked(s, () => Promise.reject(new Error('connect ECONNREFUSED')))
    for (let looks = 0; looks < 3; looks += 1) await look()
    expect(s.volumes.byName('db')?.ids).toHaveLength(1)
  })

  it('are not gone when one came between two looks', async () => {
    const s = await scene()
    const look = await looked(s, () => Promise.resolve([]))
    await look()
    await s.volumes.mount(s.volume, 'two', call())
    await look()
    expect(s.volumes.byName('db')?.ids).toHaveLength(2)
  })
})
