import { expect, it, vi } from 'vitest'
import { deadlineIn, type Deadline } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import { withOneInitiator } from '../../../src/lib/plugin/one-initiator.js'
import { fakeHost } from '../volume/fake-host.js'

const soon = (): Deadline => deadlineIn(10_000)

it('an initiator is chosen once a kind, also for those who ask at the same time', async () => {
  const host = fakeHost('one', new Map())
  const choose = vi.spyOn(host, 'initiator')
  const one = withOneInitiator(host)
  const [first, second] = await Promise.all([one.initiator('auto', soon()), one.initiator('auto', soon())])
  expect(await one.initiator('auto', soon())).toBe(first)
  expect(second).toBe(first)
  expect(choose).toHaveBeenCalledTimes(1)
  await one.initiator('kernel', soon())
  expect(choose).toHaveBeenCalledTimes(2)
})

it('a choice that failed is made again', async () => {
  const host = fakeHost('one', new Map())
  const choose = vi.spyOn(host, 'initiator')
  choose.mockRejectedValueOnce(new AcsError('precondition', 'EACSTOOLMISSING', 'iscsi-inq is missing'))
  const one = withOneInitiator(host)
  await expect(one.initiator('auto', soon())).rejects.toMatchObject({ code: 'EACSTOOLMISSING' })
  expect(await one.initiator('auto', soon())).toBeDefined()
})
