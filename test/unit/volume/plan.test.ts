import { describe, expect, it } from 'vitest'
import { plan, type Desired, type Observed, type Plan } from '../../../src/lib/volume/plan.js'

const holds = ['free', 'mine', 'restarted', 'opening', 'reading', 'readers', 'shared', 'other'] as const
const tokens = ['none', 'fresh', 'started-here', 'started-elsewhere'] as const
const contents = ['unknown', 'blank', 'expected', 'half-made', 'unsigned', 'foreign'] as const
const mounts = ['none', 'here', 'elsewhere'] as const

const everything: Observed[] = holds.flatMap((hold) =>
  (['absent', 'present'] as const).flatMap((disk) =>
    mounts.flatMap((mount) =>
      tokens.flatMap((token) =>
        contents.flatMap((content) =>
          [true, false].flatMap((ownerPending) =>
            (disk === 'present' ? [true, false] : [false]).map((cutOff) => ({
              hold,
              disk,
              mount,
              token,
              content,
              ownerPending,
              cutOff,
            })),
          ),
        ),
      ),
    ),
  ),
)
const mounted: Desired = { state: 'mounted', takeOver: false }
const reading: Desired = { state: 'mounted', takeOver: false, shared: true }
const wishes: Desired[] = [
  mounted,
  reading,
  { state: 'mounted', takeOver: true, shared: true },
  { state: 'mounted', takeOver: true },
  { state: 'attached', takeOver: false, shared: false },
  { state: 'attached', takeOver: true, shared: false },
  { state: 'attached', takeOver: false, shared: true },
  { state: 'unmounted' },
  { state: 'detached', unmount: true },
  { state: 'detached', unmount: false },
]
const all = wishes.flatMap((desired) =>
  everything.map((observed) => ({ desired, observed, plan: plan(desired, observed) })),
)
const grants = ['claim', 'share', 'claim-for-readers', 'join-readers']
const isOthers = ({ hold }: Observed): boolean => ['other', 'shared', 'reading', 'readers'].includes(hold)
const stepsOf = (made: Plan): string[] => ('steps' in made ? made.steps : [])
const ready: Observed = {
  hold: 'mine',
  disk: 'present',
  mount: 'none',
  token: 'none',
  content: 'expected',
  ownerPending: false,
  cutOff: false,
}

describe('the planner, over every state there is', () => {
  it(`answers all ${wishes.length * everything.length} of them`, () => {
    expect(all).toHaveLength(10 * 1728 * 2)
    for (const { plan: made } of all) expect('steps' in made || made.refusal.length > 0).toBe(true)
  })

  it('formats only a blank device, with a token, on a disk that only this machine may write to', () => {
    const formatting = all.filter((row) => stepsOf(row.plan).includes('make-filesystem'))
    expect(formatting.length).toBeGreaterThan(0)
    for (const { observed, plan: made } of formatting) {
      expect(observed).toMatchObject({ content: 'blank', hold: 'mine', disk: 'present', mount: 'none' })
      expect(observed.token).not.toBe('none')
      const steps = stepsOf(made)
      expect(steps.indexOf('start-format')).toBe(steps.indexOf('make-filesystem') - 1)
      expect(steps.indexOf('finish-format')).toBe(steps.indexOf('make-filesystem') + 1)
    }
  })

  it('wipes only what this machine proves to have half made itself', () => {
    const wiping = all.filter((row) => stepsOf(row.plan).includes('zero-device'))
    expect(wiping.length).toBeGreaterThan(0)
    for (const { observed } of wiping) {
      expect(observed).toMatchObject({ token: 'started-here', hold: 'mine', disk: 'present', mount: 'none' })
      expect(['half-made', 'unsigned']).toContain(observed.content)
    }
  })

  it('logs in only after access is granted, and grants only after it is revoked', () => {
    for (const { observed, plan: made } of all) {
      const steps = stepsOf(made)
      const granted = steps.findIndex((step) => grants.includes(step))
      const allowedIn = ['mine', 'opening', 'shared', 'reading'].includes(observed.hold)
      if (steps.includes('attach-disk') && !allowedIn) {
        expect(granted).toBeGreaterThanOrEqual(0)
        expect(granted).toBeLessThan(steps.indexOf('attach-disk'))
      }
      if (['claim', 'claim-for-readers'].includes(steps[granted] ?? '') && isOthers(observed)) {
        expect(steps).toContain('revoke')
        expect(steps.indexOf('revoke')).toBeLessThan(granted)
      }
    }
  })

  it('never takes a volume from someone else unasked', () => {
    for (const { desired, observed, plan: made } of all) {
      if (!isOthers(observed)) continue
      const steps = stepsOf(made)
      if (!('takeOver' in desired) || !desired.takeOver) expect(steps).not.toContain('revoke')
      if (observed.hold === 'other' || observed.hold === 'readers') expect(steps).not.toContain('release')
      if (desired.state === 'mounted' && !desired.takeOver && !desired.shared) expect(made).toHaveProperty('refusal')
      if (desired.state === 'mounted' && !desired.takeOver && ['other', 'shared'].includes(observed.hold))
        expect(made).toHaveProperty('refusal')
    }
  })

  it('lets nobody write beside readers, and nobody read beside a writer', () => {
    for (const { desired, observed, plan: made } of all) {
      const steps = stepsOf(made)
      const wantsToRead = desired.state === 'mounted' && desired.shared === true
      // The way in for a writer is a claim, and claims are of what nobody else has.
      if (steps.includes('claim') && isOthers(observed)) expect(desired).toHaveProperty('takeOver', true)
      if (steps.includes('join-readers')) {
        expect(wantsToRead).toBe(true)
        expect(observed.hold).toBe('readers')
      }
      if (steps.includes('admit-readers')) {
        expect(wantsToRead).toBe(true)
        expect(observed.hold).toBe('opening')
        expect(steps).toEqual(['replay-journal', 'mount', 'admit-readers'])
      }
    }
  })

  it('writes nothing where it is only to be read', () => {
    const writing = ['check-filesystem', 'start-format', 'make-filesystem', 'finish-format', 'zero-device', 'set-owner']
    const readers = all.filter(({ desired }) => desired.state === 'mounted' && desired.shared)
    expect(readers.some(({ plan: made }) => stepsOf(made).includes('mount'))).toBe(true)
    for (const { observed, plan: made } of readers) {
      for (const step of writing) expect(stepsOf(made)).not.toContain(step)
      if (stepsOf(made).includes('mount')) expect(['opening', 'reading']).toContain(observed.hold)
    }
  })

  it('mounts only where nothing is mounted and the device was looked at', () => {
    for (const { observed, plan: made } of all) {
      const steps = stepsOf(made)
      if (!steps.includes('mount')) continue
      expect(observed.mount).toBe('none')
      expect(steps.includes('make-filesystem') || observed.content === 'expected').toBe(true)
    }
  })

  it('lets I/O fail only when the cluster refuses it anyway, and before anything waits for it', () => {
    for (const { observed, plan: made } of all) {
      const steps = stepsOf(made)
      if (!steps.includes('fail-io')) continue
      expect(observed.cutOff).toBe(true)
      expect(steps.indexOf('fail-io')).toBe(0)
    }
  })

  it('unmounts before it detaches, and detaches before it releases', () => {
    for (const { observed, plan: made } of all) {
      const steps = stepsOf(made)
      if (steps.includes('release') && observed.disk === 'present')
        expect(steps.indexOf('detach-disk')).toBeLessThan(steps.indexOf('release'))
      if (steps.includes('detach-disk') && observed.mount !== 'none')
        expect(steps.indexOf('unmount')).toBeLessThan(steps.indexOf('detach-disk'))
      if (steps.includes('release') && observed.disk === 'present') expect(steps).toContain('detach-disk')
    }
  })

  it('does nothing where everything is as wanted', () => {
    expect(plan(mounted, { ...ready, mount: 'here', content: 'unknown' })).toEqual({ steps: [] })
    expect(plan({ state: 'attached', takeOver: false, shared: false }, ready)).toEqual({ steps: [] })
    expect(plan({ state: 'detached', unmount: false }, { ...ready, hold: 'free', disk: 'absent' })).toEqual({
      steps: [],
    })
    expect(plan({ state: 'unmounted' }, ready)).toEqual({ steps: [] })
  })
})

const absent: Observed = { ...ready, hold: 'free', disk: 'absent', content: 'unknown' }
const table: [what: string, desired: Desired, observed: Observed, made: Plan][] = [
  ['first look', mounted, absent, { steps: ['claim', 'attach-disk', 'probe'] }],
  [
    'first mount of a new volume',
    mounted,
    { ...ready, token: 'fresh', content: 'blank' },
    { steps: ['start-format', 'make-filesystem', 'finish-format', 'mount', 'set-owner'] },
  ],
  ['mount of a formatted one', mounted, ready, { steps: ['check-filesystem', 'mount'] }],
  [
    'crashed before the owner was set',
    mounted,
    { ...ready, ownerPending: true },
    { steps: ['check-filesystem', 'mount', 'set-owner'] },
  ],
  ['mounted, owner missing', mounted, { ...ready, mount: 'here', ownerPending: true }, { steps: ['set-owner'] }],
  ['token, but not blank', mounted, { ...ready, token: 'fresh' }, { refusal: 'not-blank' }],
  ['token, unreadable bytes', mounted, { ...ready, token: 'fresh', content: 'unsigned' }, { refusal: 'not-blank' }],
  ['no token, blank', mounted, { ...ready, content: 'blank' }, { refusal: 'never-formatted' }],
  ['no token, LVM', mounted, { ...ready, content: 'foreign' }, { refusal: 'foreign-content' }],
  [
    'mkfs was interrupted here',
    mounted,
    { ...ready, token: 'started-here', content: 'half-made' },
    { steps: ['zero-device', 'probe'] },
  ],
  [
    'mkfs was interrupted here, raw bytes',
    mounted,
    { ...ready, token: 'started-here', content: 'unsigned' },
    { steps: ['zero-device', 'probe'] },
  ],
  [
    'mkfs was interrupted here, foreign since',
    mounted,
    { ...ready, token: 'started-here', content: 'foreign' },
    { refusal: 'not-blank' },
  ],
  [
    'mkfs was interrupted here, another filesystem since',
    mounted,
    { ...ready, token: 'started-here' },
    { refusal: 'not-blank' },
  ],
  [
    'mkfs was interrupted elsewhere',
    mounted,
    { ...ready, token: 'started-elsewhere', content: 'half-made' },
    { refusal: 'format-interrupted' },
  ],
  [
    'mkfs was interrupted elsewhere before it wrote',
    mounted,
    { ...ready, token: 'started-elsewhere', content: 'blank' },
    { steps: ['start-format', 'make-filesystem', 'finish-format', 'mount', 'set-owner'] },
  ],
  ['held elsewhere', mounted, { ...absent, hold: 'other' }, { refusal: 'held' }],
  [
    'held elsewhere, taken over',
    { state: 'mounted', takeOver: true },
    { ...absent, hold: 'other' },
    { steps: ['revoke', 'claim', 'attach-disk', 'probe'] },
  ],
  ['taken from us while mounted', mounted, { ...ready, hold: 'other', mount: 'here' }, { refusal: 'fenced' }],
  [
    'taken from us while mounted, wanted back',
    { state: 'mounted', takeOver: true },
    { ...ready, hold: 'other', mount: 'here' },
    { refusal: 'fenced' },
  ],
  ['revoked while mounted', mounted, { ...ready, hold: 'free', mount: 'here' }, { refusal: 'fenced' }],
  [
    'revoked while attached',
    mounted,
    { ...ready, hold: 'free' },
    { steps: ['detach-disk', 'claim', 'attach-disk', 'probe'] },
  ],
  [
    'revoked while attached, the disk silent',
    mounted,
    { ...ready, hold: 'free', cutOff: true },
    { steps: ['fail-io', 'detach-disk', 'claim', 'attach-disk', 'probe'] },
  ],
  [
    'unmount of what was taken from us, the disk silent',
    { state: 'detached', unmount: true },
    { ...ready, hold: 'other', mount: 'here', cutOff: true },
    { steps: ['fail-io', 'unmount', 'detach-disk'] },
  ],
  ['after a restart', mounted, { ...absent, hold: 'restarted' }, { steps: ['claim', 'attach-disk', 'probe'] }],
  ['mounted at another place', mounted, { ...ready, mount: 'elsewhere' }, { refusal: 'mounted-elsewhere' }],
  ['crashed after claim', mounted, { ...absent, hold: 'mine' }, { steps: ['attach-disk', 'probe'] }],
  [
    'beside others',
    { state: 'attached', takeOver: false, shared: true },
    { ...absent, hold: 'other' },
    { steps: ['share', 'attach-disk'] },
  ],
  ['the first reader', reading, absent, { steps: ['claim-for-readers', 'attach-disk', 'probe'] }],
  [
    'the first reader mounts',
    reading,
    { ...ready, hold: 'opening' },
    { steps: ['replay-journal', 'mount', 'admit-readers'] },
  ],
  [
    'the first reader crashed before it let others in',
    reading,
    { ...ready, hold: 'opening', mount: 'here' },
    { steps: ['unmount', 'probe'] },
  ],
  [
    'the first reader has it attached for writing',
    reading,
    { ...ready, content: 'unknown' },
    { steps: ['claim-for-readers', 'probe'] },
  ],
  ['its first mount, which formatted it, is still there', reading, { ...ready, mount: 'here' }, { steps: [] }],
  ['one more reader', reading, { ...absent, hold: 'readers' }, { steps: ['join-readers', 'attach-disk', 'probe'] }],
  ['one more reader mounts', reading, { ...ready, hold: 'reading' }, { steps: ['mount'] }],
  ['a reader after a restart', reading, { ...absent, hold: 'reading' }, { steps: ['attach-disk', 'probe'] }],
  ['reads already', reading, { ...ready, hold: 'reading', mount: 'here', content: 'unknown' }, { steps: [] }],
  [
    'a reader whose access was revoked, the disk silent',
    reading,
    { ...ready, hold: 'readers', cutOff: true },
    { steps: ['fail-io', 'detach-disk', 'join-readers', 'attach-disk', 'probe'] },
  ],
  [
    'a reader whose access was revoked while mounted',
    reading,
    { ...ready, hold: 'readers', mount: 'here' },
    { refusal: 'fenced' },
  ],
  ['to read what someone writes', reading, { ...absent, hold: 'other' }, { refusal: 'held' }],
  ['to read beside who may write', reading, { ...absent, hold: 'shared' }, { refusal: 'held' }],
  [
    'to read what a dead machine wrote',
    { state: 'mounted', takeOver: true, shared: true },
    { ...absent, hold: 'other' },
    { steps: ['revoke', 'claim-for-readers', 'attach-disk', 'probe'] },
  ],
  ['to read an empty disk', reading, { ...ready, hold: 'opening', content: 'blank' }, { refusal: 'never-formatted' }],
  ['to write what others read', mounted, { ...absent, hold: 'readers' }, { refusal: 'held' }],
  ['to write what is read here', mounted, { ...ready, hold: 'reading', mount: 'here' }, { refusal: 'held' }],
  [
    'to write what dead machines read',
    { state: 'mounted', takeOver: true },
    { ...absent, hold: 'readers' },
    { steps: ['revoke', 'claim', 'attach-disk', 'probe'] },
  ],
  [
    'to write after all what was being opened for readers',
    mounted,
    { ...ready, hold: 'opening' },
    { steps: ['claim', 'probe'] },
  ],
  [
    'a reader goes',
    { state: 'detached', unmount: true },
    { ...ready, hold: 'reading', mount: 'here' },
    { steps: ['unmount', 'detach-disk', 'release'] },
  ],
  ['detach while mounted', { state: 'detached', unmount: false }, { ...ready, mount: 'here' }, { refusal: 'mounted' }],
  [
    'unmount',
    { state: 'detached', unmount: true },
    { ...ready, mount: 'here' },
    { steps: ['unmount', 'detach-disk', 'release'] },
  ],
  [
    'unmount of what was taken from us',
    { state: 'detached', unmount: true },
    { ...ready, hold: 'other', mount: 'here' },
    { steps: ['unmount', 'detach-disk'] },
  ],
  [
    'unmount after a restart',
    { state: 'detached', unmount: true },
    { ...absent, hold: 'restarted' },
    { steps: ['release'] },
  ],
]

describe('the planner, row by row', () => {
  it.each(table)('%s', (_what, desired, observed, made) => {
    expect(plan(desired, observed)).toEqual(made)
  })
})
