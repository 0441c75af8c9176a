import { afterAll, beforeAll, expect, it } from 'vitest'
import { startVolumeLab, type VolumeLab } from './lab.js'

const rounds = 200
const initiators = ['iqn.1993-08.org.debian:01:one', 'iqn.1993-08.org.debian:01:two'] as const

let lab: VolumeLab
beforeAll(async () => {
  lab = await startVolumeLab()
  await lab.json('volume create db --size 1M')
})
afterAll(() => lab.close())

it(`${rounds} times two processes want one volume, and one gets it`, { timeout: 600_000 }, async () => {
  const { uuid } = await lab.json('volume show db')
  const wins = [0, 0]
  for (let round = 0; round < rounds; round += 1) {
    const racers = initiators.map((initiator, index) =>
      lab.run(`volume attach db --initiator ${initiator} --holder host-${index} --json`),
    )
    const outcomes = await Promise.all(racers)
    expect(outcomes.map(({ code }) => code).sort()).toEqual([0, 5])
    const winner = outcomes.findIndex(({ code }) => code === 0)
    wins[winner]! += 1
    const group = await lab.prism.volumeGroup(String(uuid))
    expect(group.attachments.map((attachment) => attachment.initiatorName)).toEqual([initiators[winner]])
    const { error } = JSON.parse(outcomes[1 - winner]!.stdout) as {
      error: { code: string; message: string; details: object }
    }
    expect(error).toMatchObject({
      code: 'EACSHELD',
      details: { holder: `host-${winner}`, initiator: initiators[winner] },
    })
    expect(error.message).toContain(`held by host-${winner} (${initiators[winner]}) since 20`)
    await lab.prism.updateVolumeGroup(group, { allowedInitiators: [] })
  }
  // Neither always comes first: the rounds were races.
  expect(Math.min(...wins)).toBeGreaterThan(0)
})
