import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { journalSteps, type JournalStep } from '../../../src/lib/volume/journal.js'
import { canMount, checksum, startMountedLab, type MountedLab } from './mounted-lab.js'

const whens = ['before', 'after'] as const
const firstMount: JournalStep[] = [
  'claim',
  'attach-disk',
  'start-format',
  'make-filesystem',
  'finish-format',
  'mount',
  'set-owner',
]
const secondMount: JournalStep[] = ['claim', 'attach-disk', 'check-filesystem', 'mount']
const takeOver: JournalStep[] = ['revoke', 'claim', 'attach-disk', 'check-filesystem', 'mount']
const repair: JournalStep[] = ['zero-device', 'start-format', 'make-filesystem', 'finish-format', 'mount', 'set-owner']
/** Of a machine from which the volume was taken. */
const fenced: JournalStep[] = ['fail-io', 'unmount', 'detach-disk']
const unmount: JournalStep[] = ['unmount', 'detach-disk', 'release']
/** Steps of other commands: `share` of attach --shared, the rest of clone and restore. */
const elsewhere: JournalStep[] = ['share', 'clone-group', 'describe-clone', 'rename-current', 'rename-restored']
/** Of the first machine that reads a read-only volume, and of one that comes later. */
const firstReader: JournalStep[] = ['claim-for-readers', 'attach-disk', 'replay-journal', 'mount', 'admit-readers']
const nextReader: JournalStep[] = ['join-readers', 'attach-disk', 'mount']
const restore: JournalStep[] = ['clone-group', 'describe-clone', 'rename-current', 'rename-restored']

function points(steps: readonly JournalStep[]): [JournalStep, 'before' | 'after'][] {
  return steps.flatMap((step) => whens.map((when): [JournalStep, 'before' | 'after'] => [step, when]))
}

describe.skipIf(!canMount('kill -9 at every journal step'))('kill -9 of acs', () => {
  let lab: MountedLab
  let count = 0
  let name = ''
  let place = ''
  beforeAll(async () => {
    lab = await startMountedLab()
  })
  afterEach(() => lab.clean())
  afterAll(() => lab.close())

  async function newVolume(): Promise<void> {
    count += 1
    name = `v${count}`
    place = lab.place(name)
    await lab.json(`volume create ${name} --size 64M --mode 0711`)
  }

  /** Runs a command that dies at a step. */
  async function dieAt(step: JournalStep, when: string, command: string): Promise<void> {
    const running = lab.start(command, { ACS_TEST_CRASH: '1', ACS_CRASH_AT: `${step}:${when}` })
    const { stderr } = await running.ended
    expect({ signal: running.process.signalCode, stderr }).toMatchObject({ signal: 'SIGKILL' })
  }

  async function fill(): Promise<string> {
    await writeFile(join(place, 'file'), randomBytes(300_000))
    return checksum(join(place, 'file'))
  }

  async function expectWhole(sum: string): Promise<void> {
    expect(await checksum(join(place, 'file'))).toBe(sum)
    await lab.json(`volume unmount ${name}`)
    expect(await lab.leftovers()).toEqual([])
    expect(await lab.json(`volume show ${name}`)).toMatchObject({ state: 'free', formatted: true })
  }

  it('is tried at every step there is', () => {
    const mounts = [...firstMount, ...secondMount, ...takeOver, ...repair, ...firstReader, ...nextReader]
    const tried = new Set([...mounts, ...fenced, ...unmount, ...elsewhere])
    expect([...journalSteps].filter((step) => !tried.has(step))).toEqual([])
  })

  it.each(points(firstMount))('in a first mount, %s %s, is repaired by the same command', async (step, when) => {
    await newVolume()
    await dieAt(step, when, `volume mount ${name} --path ${place}`)
    expect(await lab.json(`volume mount ${name} --path ${place}`)).toMatchObject({ mountPoint: place })
    const { mode } = await (await import('node:fs/promises')).stat(place)
    expect(mode & 0o777).toBe(0o711)
    const sum = await fill()
    await lab.json(`volume unmount ${name}`)
    expect(await lab.json(`volume mount ${name} --path ${place}`)).toMatchObject({ formatted: false })
    await expectWhole(sum)
  })

  it.each(points(repair))('in the mount after a mkfs that was killed, %s %s', async (step, when) => {
    await newVolume()
    await dieAt('make-filesystem', 'after', `volume mount ${name} --path ${place}`)
    await dieAt(step, when, `volume mount ${name} --path ${place}`)
    await lab.json(`volume mount ${name} --path ${place}`)
    const sum = await fill()
    await expectWhole(sum)
  })

  it.each(points(secondMount))('in a later mount, %s %s, leaves the data whole', async (step, when) => {
    await newVolume()
    await lab.json(`volume mount ${name} --path ${place}`)
    const sum = await fill()
    await lab.json(`volume unmount ${name}`)
    await dieAt(step, when, `volume mount ${name} --path ${place}`)
    expect(await lab.json(`volume mount ${name} --path ${place}`)).toMatchObject({ formatted: false })
    await expectWhole(sum)
  })

  it.each(points(takeOver))('in a take-over, %s %s', async (step, when) => {
    await newVolume()
    await lab.json(`volume mount ${name} --path ${place}`)
    const sum = await fill()
    await lab.json(`volume unmount ${name}`)
    await lab.json(`volume attach ${name} --initiator iqn.2000-01.x:dead --holder dead`)
    await dieAt(step, when, `volume mount ${name} --path ${place} --take-over --yes`)
    await lab.json(`volume mount ${name} --path ${place} --take-over --yes`)
    await expectWhole(sum)
  })

  it.each(points(unmount))('in an unmount, %s %s, leaves the data whole', async (step, when) => {
    await newVolume()
    await lab.json(`volume mount ${name} --path ${place}`)
    const sum = await fill()
    await dieAt(step, when, `volume unmount ${name}`)
    await lab.json(`volume unmount ${name}`)
    expect(await lab.leftovers()).toEqual([])
    await lab.json(`volume mount ${name} --path ${place}`)
    await expectWhole(sum)
  })

  it.each(points(fenced))('in the unmount of a volume that was taken away, %s %s', async (step, when) => {
    await newVolume()
    await lab.json(`volume mount ${name} --path ${place}`)
    const sum = await fill()
    await lab.json(`volume attach ${name} --initiator iqn.2000-01.x:other --take-over --yes`)
    await dieAt(step, when, `volume unmount ${name}`)
    expect(await lab.run(`volume unmount ${name}`)).toMatchObject({ code: 0 })
    expect(await lab.leftovers()).toEqual([])
    expect(await lab.json(`volume show ${name}`)).toMatchObject({ initiators: ['iqn.2000-01.x:other'] })
    await lab.json(`volume mount ${name} --path ${place} --take-over --yes`)
    expect(sum).toHaveLength(64)
  })

  it.each([
    ...points(firstReader).map((point) => ['first', ...point] as const),
    ...points(nextReader).map((point) => ['next', ...point] as const),
  ])('in the mount of the %s reader, %s %s', async (which, step, when) => {
    await newVolume()
    await lab.json(`volume mount ${name} --path ${place}`)
    const sum = await fill()
    await lab.json(`volume unmount ${name}`)
    await lab.json(`volume update ${name} --read-only`)
    // Another machine to acs: its own state, initiator name and disks.
    const other = { ACS_STATE_DIR: join(lab.folder, 'other', 'state'), ACS_RUN_DIR: join(lab.folder, 'other', 'run') }
    const there = lab.place(`${name}-there`)
    const mountThere = (): Promise<unknown> => lab.json(`volume mount ${name} --path ${there}`, other)
    if (which === 'next') await mountThere()
    await dieAt(step, when, `volume mount ${name} --path ${place}`)
    expect(await lab.json(`volume mount ${name} --path ${place}`)).toMatchObject({ formatted: false })
    if (which === 'first') await mountThere()
    expect([await checksum(join(place, 'file')), await checksum(join(there, 'file'))]).toEqual([sum, sum])
    expect(await lab.json(`volume show ${name}`)).toMatchObject({ state: 'read' })
    await lab.json(`volume unmount ${name}`, other)
    await expectWhole(sum)
  })

  it.each(points(restore))('in a restore, %s %s, is finished by the same command', async (step, when) => {
    await newVolume()
    await lab.json(`volume snapshot create ${name} one`)
    await dieAt(step, when, `volume snapshot restore ${name}@one --yes`)
    const { kept } = await lab.json(`volume snapshot restore ${name}@one --yes`)
    expect(await lab.json(`volume show ${name}`)).toMatchObject({ snapshots: 2, formatted: true })
    expect(await lab.json(`volume snapshot show ${String(kept)}`)).toMatchObject({ volume: name })
    const named = (await lab.prism.volumeGroups()).filter(
      (group) => group.name.startsWith(name + '@') || group.name === name,
    )
    expect(named).toHaveLength(3)
    expect(await lab.leftovers()).toEqual([])
  })

  it.each(points(['clone-group', 'describe-clone']))(
    'in a clone, %s %s, is finished by the same command',
    async (step, when) => {
      await newVolume()
      await dieAt(step, when, `volume clone ${name} ${name}-copy`)
      expect(await lab.json(`volume clone ${name} ${name}-copy`)).toMatchObject({ created: true, formatted: true })
      const copies = (await lab.prism.volumeGroups()).filter((group) => group.name.startsWith(`${name}-copy`))
      expect(copies).toHaveLength(1)
      expect(copies[0]?.description).not.toContain('fmt')
      expect(await lab.leftovers()).toEqual([])
    },
  )

  it.each(points(['share']))('in a shared attach, %s %s', async (step, when) => {
    await newVolume()
    await dieAt(step, when, `volume attach ${name} --shared`)
    await lab.json(`volume attach ${name} --shared`)
    await lab.json(`volume detach ${name}`)
    expect(await lab.leftovers()).toEqual([])
    expect(await lab.json(`volume show ${name}`)).toMatchObject({ state: 'free' })
  })
})
