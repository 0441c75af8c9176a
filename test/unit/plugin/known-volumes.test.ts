import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { VolumeGroup } from '../../../src/lib/prism/prism.js'
import { openKnownVolumes, type KnownVolumes } from '../../../src/lib/plugin/known-volumes.js'
import { temporaryFolder } from '../volume/fake-context.js'
import { fakePrism, type FakePrism } from '../volume/fake-prism.js'

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

interface Scene {
  prism: FakePrism
  stateFolder: string
  known: KnownVolumes
  kept: Set<string>
  open: () => Promise<KnownVolumes>
}

async function scene(): Promise<Scene> {
  const prism = fakePrism()
  const stateFolder = await temporaryFolder()
  const kept = new Set<string>()
  const open = async (): Promise<KnownVolumes> => {
    const known = await openKnownVolumes({
      stateFolder,
      list: () => prism.volumeGroups(),
      isKept: (each) => kept.has(each),
      warn: (error) => {
        throw error
      },
    })
    // A delayed write would make the folder again after the test.
    onTestFinished(() => known.flush())
    return known
  }
  return { prism, stateFolder, kept, open, known: await open() }
}

describe('known volumes', () => {
  it('are those of the cluster, without snapshots, the trash and what docker volume rm kept', async () => {
    const { prism, known } = await scene()
    prism.put({ uuid: uuid(1), name: 'db', description: 'acs:{"v":1,"fs":"xfs"}' })
    prism.put({ uuid: uuid(2), name: 'foreign' })
    const snap = '{"of":"x","ofName":"db","name":"s","at":"2026-01-01T00:00:00Z","frozen":false}'
    prism.put({ uuid: uuid(3), name: 'db@s', description: `acs:{"v":1,"snap":${snap}}` })
    const del = `{"g":"${uuid(4).slice(0, 8)}","n":"old","at":"2026-01-01T00:00:00Z","until":"2026-01-08T00:00:00Z"}`
    prism.put({
      uuid: uuid(4),
      name: 'old.trash-20260101-000000-0000',
      description: `acs:{"v":1,"fs":"xfs","del":${del}}`,
    })
    prism.put({ uuid: uuid(5), name: 'kept', description: 'acs:{"v":1,"hid":true}' })
    expect(known.refreshedAt).toBeUndefined()
    await known.refresh()
    expect(known.all().map(({ name, ours }) => [name, ours])).toEqual([
      ['db', true],
      ['foreign', false],
    ])
    expect(known.get('db')).toMatchObject({ filesystem: 'xfs', target: expect.stringMatching(/^iqn\./) as string })
    expect(known.refreshedAt).toBeInstanceOf(Date)
  })

  it('tell why the last look failed, until one succeeds', async () => {
    const { prism, known } = await scene()
    prism.pause = () => Promise.reject(new Error('Prism is down'))
    await expect(known.refresh()).rejects.toThrow('Prism is down')
    expect(known.lastError).toMatchObject({ at: expect.any(Date) as Date, error: { message: 'Prism is down' } })
    prism.pause = () => Promise.resolve()
    await known.refresh()
    expect(known.lastError).toBeUndefined()
  })

  it('outlive the process', async () => {
    const { prism, known, open } = await scene()
    prism.put({ uuid: uuid(1), name: 'db' })
    await known.refresh()
    await known.flush()
    expect((await open()).get('db')?.uuid).toBe(uuid(1))
  })

  it('cost one question when their file is damaged', async () => {
    const { prism, stateFolder, open } = await scene()
    await writeFile(join(stateFolder, 'known-volumes.json'), '{"v":1,"at":')
    prism.put({ uuid: uuid(1), name: 'db' })
    const known = await open()
    expect(known.all()).toEqual([])
    await known.refresh()
    expect(known.get('db')).toBeDefined()
  })

  it('take in what a call learned while a list was under way', async () => {
    const { prism, known } = await scene()
    const before = prism.put({ uuid: uuid(1), name: 'old' })
    let answer: (groups: VolumeGroup[]) => void = () => undefined
    prism.volumeGroups = () => new Promise((resolve) => (answer = resolve))
    const refreshed = known.refresh()
    known.learn({ ...before, uuid: uuid(2), name: 'new' })
    known.forget(uuid(1))
    answer([before])
    await refreshed
    expect(known.all().map(({ name }) => name)).toEqual(['new'])
  })

  it('forget what is gone, but not what is in use here', async () => {
    const { prism, known, kept } = await scene()
    prism.put({ uuid: uuid(1), name: 'used' })
    prism.put({ uuid: uuid(2), name: 'unused' })
    await known.refresh()
    kept.add(uuid(1))
    prism.groups.clear()
    await known.refresh()
    expect(known.all().map(({ name }) => name)).toEqual(['used'])
  })

  it('follow a volume that was renamed', async () => {
    const { prism, known } = await scene()
    const group = prism.put({ uuid: uuid(1), name: 'before' })
    await known.refresh()
    known.learn({ ...group, name: 'after' })
    expect(known.get('before')).toBeUndefined()
    expect(known.get('after')?.uuid).toBe(uuid(1))
  })

  it('are all there when several have one name', async () => {
    const { prism, known } = await scene()
    for (const n of [2, 1]) prism.put({ uuid: uuid(n), name: 'db' })
    await known.refresh()
    expect(known.all()).toHaveLength(2)
    expect(known.named('db').map((each) => each.uuid)).toEqual([uuid(1), uuid(2)])
    known.forget(uuid(1))
    expect(known.get('db')?.uuid).toBe(uuid(2))
    expect(known.named('db')).toHaveLength(1)
  })

  it('share one question among all who ask', async () => {
    const { prism, known, stateFolder } = await scene()
    let asked = 0
    prism.volumeGroups = () => {
      asked += 1
      return Promise.resolve([])
    }
    // The first one's may be on its way since before the others asked.
    await Promise.all([known.refresh(), known.refresh(), known.refresh()])
    expect(asked).toBe(2)
    await known.flush()
    await expect(readFile(join(stateFolder, 'known-volumes.json'))).rejects.toThrow('ENOENT')
  })
})
