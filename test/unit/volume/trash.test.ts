import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isAcsError } from '../../../src/lib/base/errors.js'
import { claim } from '../../../src/lib/volume/exclusive.js'
import { removeVolume } from '../../../src/lib/volume/remove.js'
import { trashVolume } from '../../../src/lib/volume/trash.js'
import { undeleteVolume } from '../../../src/lib/volume/undelete.js'
import { updateVolume } from '../../../src/lib/volume/update.js'
import { asVolume, isTrashed } from '../../../src/lib/volume/volume.js'
import { fakeContext, type FakeContext } from './fake-context.js'
import { fakeHost } from './fake-host.js'
import { fakePrism } from './fake-prism.js'

const uuid = 'aaaaaaaa-0000-4000-8000-000000000001'

describe('the trash under any interleaving', () => {
  it('never holds what is attached or hidden, and loses nothing', async () => {
    const action = fc.record({
      who: fc.integer({ min: 0, max: 2 }),
      what: fc.constantFrom('trash', 'trash', 'claim', 'undelete', 'retain', 'protect'),
    })
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(action, { minLength: 2, maxLength: 6 }), async (scheduler, actions) => {
        const prism = fakePrism()
        prism.put({ uuid, name: 'db', description: 'text\nacs:{"v":1,"fs":"ext4"}' })
        const contexts = await Promise.all([0, 1, 2].map((n) => fakeContext(prism, fakeHost(`m${n}`, new Map()))))
        prism.pause = () => scheduler.schedule(Promise.resolve())
        const racing = Promise.all(
          actions.map(async ({ who, what }) => {
            try {
              await act(contexts[who]!, `m${who}`, what)
            } catch (error) {
              if (!isAcsError(error)) throw error
              expect(['conflict', 'not-found']).toContain(error.kind)
            }
          }),
        )
        await scheduler.waitFor(racing)
        const volume = asVolume(prism.groups.get(uuid)!)
        expect(volume.text).toBe('text')
        expect(volume.trailer?.fs).toBe('ext4')
        if (isTrashed(volume)) {
          expect(volume.group.name).toMatch(/^db\.trash-/)
          expect(volume.group.attachments).toEqual([])
          // Protected it may be, by someone who looked before: then nothing prunes it.
          for (const key of ['h', 'hid']) expect(volume.trailer).not.toHaveProperty(key)
        } else expect(volume.group.name).toBe('db')
      }),
      { numRuns: 200 },
    )
  })
})

async function act(context: FakeContext, name: string, what: string): Promise<unknown> {
  const me = { hostName: name, bootId: `boot-of-${name}`, initiatorName: `iqn.1993-08.org.debian:01:${name}` }
  switch (what) {
    case 'trash':
      return trashVolume(context, { volume: 'db' })
    case 'undelete':
      return undeleteVolume(context, { volume: 'db' })
    case 'retain':
      return removeVolume(context, { volume: 'db', policy: 'retain' })
    case 'protect':
      return updateVolume(context, { volume: 'db', protect: true })
    default:
      return claim(context, uuid, me)
  }
}
