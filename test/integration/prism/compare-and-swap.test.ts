import { describe, expect, it } from 'vitest'
import type { Prism, VolumeGroup } from '../../../src/lib/prism/prism.js'
import { firstTimes, startLab, startLossyGateway } from './simulated.js'

const one = 'iqn.1993-08.org.debian:01:one'
const two = 'iqn.1993-08.org.debian:01:two'

async function newGroup(prism: Prism, spec: { chapSecret?: string } = {}): Promise<VolumeGroup> {
  const { uuid } = await prism.createVolumeGroup({ name: 'web', description: 'human text', disks: [], ...spec })
  return prism.volumeGroup(uuid)
}

describe('updateVolumeGroup', () => {
  it('changes what it is asked to and leaves the rest', async () => {
    const prism = (await startLab()).connect()
    const group = await newGroup(prism, { chapSecret: 'twelve-chars' })
    const renamed = await prism.updateVolumeGroup(group, { name: 'shop' })
    expect(renamed).toMatchObject({ name: 'shop', description: 'human text', chap: true, attachments: [] })
    expect(renamed.logicalTimestamp).toBeGreaterThan(group.logicalTimestamp)
    const open = await prism.updateVolumeGroup(renamed, { allowedInitiators: [{ clientAddress: one }] })
    expect(open.attachments).toMatchObject([{ initiatorName: one }])
    const described = await prism.updateVolumeGroup(open, { description: 'new' })
    expect(described).toMatchObject({ description: 'new', attachments: [{ initiatorName: one }], chap: true })
    const flash = await prism.updateVolumeGroup(described, { flashMode: true, chapSecret: null })
    expect(flash).toMatchObject({ flashMode: true, chap: false })
    const closed = await prism.updateVolumeGroup(flash, { allowedInitiators: [] })
    expect(closed).toMatchObject({ attachments: [], name: 'shop', description: 'new', flashMode: true })
  })

  it.each([409, 412, 500] as const)(
    'is EACSSTALE where the cluster says %i to an old timestamp',
    async (staleStatus) => {
      const lab = await startLab({ behaviour: { staleStatus } })
      const group = await newGroup(lab.connect())
      const ours = lab.connect()
      const theirs = lab.connect()
      await theirs.updateVolumeGroup(group, { allowedInitiators: [{ clientAddress: two }] })
      await expect(
        ours.updateVolumeGroup(group, { allowedInitiators: [{ clientAddress: one }] }),
      ).rejects.toMatchObject({
        code: 'EACSSTALE',
        kind: 'conflict',
        details: { allowedInitiators: [two] },
      })
    },
  )

  it('lets exactly one of many win', async () => {
    const lab = await startLab()
    const reader = lab.connect()
    let group = await newGroup(reader)
    const clients = Array.from({ length: 4 }, () => lab.connect())
    for (let round = 0; round < 20; round += 1) {
      const names = clients.map((_, index) => `iqn.2020-01.org.example:r${round}-${index}`)
      const results = await Promise.allSettled(
        clients.map((client, index) =>
          client.updateVolumeGroup(group, { allowedInitiators: [{ clientAddress: names[index]! }] }),
        ),
      )
      const winners = names.filter((_, index) => results[index]?.status === 'fulfilled')
      expect(winners).toHaveLength(1)
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'EACSSTALE' })
      group = await reader.volumeGroup(group.uuid)
      expect(group.attachments.map(({ initiatorName }) => initiatorName)).toEqual(winners)
    }
  })

  it('knows its own win when the answer was lost', async () => {
    const lab = await startLab()
    const group = await newGroup(lab.connect())
    const { endpoint, lost } = await startLossyGateway(lab, firstTimes(1, /^PUT/))
    const after = await lab
      .connect({ endpoint })
      .updateVolumeGroup(group, { allowedInitiators: [{ clientAddress: one }] })
    expect(lost).toHaveLength(1)
    expect(after.attachments).toMatchObject([{ initiatorName: one }])
  })

  it('knows its own win when every answer to the change is lost', async () => {
    const lab = await startLab()
    const group = await newGroup(lab.connect())
    const { endpoint, lost } = await startLossyGateway(lab, firstTimes(Infinity, /^PUT/))
    const after = await lab
      .connect({ endpoint })
      .updateVolumeGroup(group, { allowedInitiators: [{ clientAddress: one }] })
    expect(lost).toHaveLength(5)
    expect(after.attachments).toMatchObject([{ initiatorName: one }])
  })

  it("does not take someone else's change for its own when the answer was lost", async () => {
    const lab = await startLab()
    const group = await newGroup(lab.connect())
    const other = lab.connect()
    // Our PUT is carried out, its answer lost; before our repeat arrives someone else takes over.
    const pattern = firstTimes(1, /^PUT/)
    let takenOver: Promise<unknown> | undefined
    const { endpoint } = await startLossyGateway(lab, (method, path) => {
      if (!pattern(method, path)) return false
      takenOver = other
        .volumeGroup(group.uuid)
        .then((now) => other.updateVolumeGroup(now, { allowedInitiators: [{ clientAddress: two }] }))
      return true
    })
    const ours = lab.connect({ endpoint, retryBaseMs: 2_000 })
    const update = ours.updateVolumeGroup(group, { allowedInitiators: [{ clientAddress: one }] })
    const outcome = await update.then(
      (after) => ({ after }),
      (error: unknown) => ({ error }),
    )
    await takenOver
    const now = await other.volumeGroup(group.uuid)
    expect(now.attachments).toMatchObject([{ initiatorName: two }])
    // Either the repeat came after the takeover, or ours was read back before it; never a win over theirs.
    if ('error' in outcome) expect(outcome.error).toMatchObject({ code: 'EACSSTALE' })
    else expect(outcome.after.logicalTimestamp).toBeLessThan(now.logicalTimestamp)
  })

  it("keeps Prism's reason for refusing the change itself", async () => {
    const lab = await startLab({ behaviour: { maxDescriptionLength: 10 } })
    const prism = lab.connect()
    const { uuid } = await prism.createVolumeGroup({ name: 'web', disks: [] })
    const group = await prism.volumeGroup(uuid)
    await expect(prism.updateVolumeGroup(group, { description: 'x'.repeat(20) })).rejects.toMatchObject({
      code: 'EACSPRISM',
    })
    expect((await prism.volumeGroup(uuid)).logicalTimestamp).toBe(group.logicalTimestamp)
  })

  it.each([404, 500] as const)('is EACSNOTFOUND for a group that is gone (%i)', async (unknownStatus) => {
    const prism = (await startLab({ behaviour: { unknownStatus } })).connect()
    const group = await newGroup(prism)
    await prism.deleteVolumeGroup(group)
    await expect(prism.updateVolumeGroup(group, { name: 'x' })).rejects.toMatchObject({ code: 'EACSNOTFOUND' })
  })
})
