import { expect, it } from 'vitest'
import { deadlineIn, type Deadline } from '../../../src/lib/base/deadline.js'
import type { AttachedDisk, DiskAddress, HostMachine } from '../../../src/lib/host/host.js'
import { withOneInitiator } from '../../../src/lib/plugin/one-initiator.js'
import { fakeHost } from '../volume/fake-host.js'

const soon = (): Deadline => deadlineIn(10_000)
const disk = (number: number): DiskAddress => ({
  ...{ portal: '127.0.0.1:3260', targetName: `iqn.2000-01.x:${number}`, lun: 0, serial: String(number), sizeBytes: 1 },
})

/** A machine on which an attach lasts until it is let go on. */
function slowHost(): { host: HostMachine; begun: string[]; chosen: () => number; letOneGoOn: () => void } {
  const machine = fakeHost('one', new Map())
  const begun: string[] = []
  const waiting: (() => void)[] = []
  let chosen = 0
  const host: HostMachine = {
    ...machine,
    async initiator(kind, deadline) {
      chosen += 1
      const initiator = await machine.initiator(kind, deadline)
      return {
        ...initiator,
        async attach(address, until): Promise<AttachedDisk> {
          begun.push(address.serial)
          await new Promise<void>((resolve) => waiting.push(resolve))
          return initiator.attach(address, until)
        },
      }
    },
  }
  return { host, begun, chosen: () => chosen, letOneGoOn: () => waiting.shift()?.() }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i))

it('of many disks eight are attached at a time, in the order of asking', async () => {
  const { host, begun, letOneGoOn, chosen } = slowHost()
  const one = withOneInitiator(host)
  const attaching = numbers(1, 20).map(async (number) =>
    (await one.initiator('auto', soon())).attach(disk(Number(number)), soon()),
  )
  await turn()
  expect(begun).toEqual(numbers(1, 8))
  for (let done = 1; done <= 20; done += 1) {
    letOneGoOn()
    await turn()
    expect(begun).toEqual(numbers(1, Math.min(20, 8 + done)))
  }
  expect((await Promise.all(attaching)).map(({ targetName }) => targetName)).toHaveLength(20)
  expect(chosen()).toBe(1)
})

it('who waits longer than its call may take says for whom, and was never begun', async () => {
  const { host, begun, letOneGoOn } = slowHost()
  const initiator = await withOneInitiator(host).initiator('auto', soon())
  const attaching = numbers(1, 8).map((number) => initiator.attach(disk(Number(number)), soon()))
  await expect(initiator.attach(disk(9), deadlineIn(50))).rejects.toMatchObject({
    code: 'EACSTIMEOUT',
    message: expect.stringMatching(
      /waiting to log in to iqn.2000-01.x:9: the iSCSI initiator is busy with .*x:1/,
    ) as string,
  })
  attaching.forEach(letOneGoOn)
  await Promise.all(attaching)
  expect(begun).toEqual(numbers(1, 8))
})
