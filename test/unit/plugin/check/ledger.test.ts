import { describe, expect, test } from 'vitest'
import { deadlineIn } from '../../../../src/lib/base/deadline.js'
import type { PluginClient } from '../../../../src/lib/plugin/check/client.js'
import type { Exchange } from '../../../../src/lib/plugin/check/exchange.js'
import { cleanUp, cleanUpAtLast, createLedger } from '../../../../src/lib/plugin/check/ledger.js'

/** A plugin that has these volumes; `refusals` is how often each Remove fails first. */
function fakePlugin(names: readonly string[], refusals = 0) {
  const volumes = new Set(names)
  const calls: string[] = []
  let left = refusals
  const answer = (call: string, status: number, document: unknown): Promise<Exchange> =>
    Promise.resolve({
      call,
      method: 'POST',
      request: '',
      status,
      headers: {},
      body: JSON.stringify(document),
      keepsAlive: true,
      ms: 1,
    })
  const client: Partial<PluginClient> = {
    get: (name) =>
      volumes.has(name) ? answer('Get', 200, { Volume: { Name: name } }) : answer('Get', 500, { Err: 'no' }),
    list: () => answer('List', 200, { Volumes: [...volumes].map((Name) => ({ Name })) }),
    unmount(name, id) {
      calls.push(`unmount ${name} ${id}`)
      return answer('Unmount', 200, {})
    },
    remove(name) {
      calls.push(`remove ${name}`)
      left -= 1
      if (left >= 0) return answer('Remove', 500, { Err: 'busy' })
      volumes.delete(name)
      return answer('Remove', 200, {})
    },
  }
  return { client: client as PluginClient, calls, volumes }
}

describe('cleaning up', () => {
  test('unmounts as often as was mounted, then removes', async () => {
    const { client, calls } = fakePlugin(['a'])
    const ledger = createLedger()
    ledger.addName('a')
    for (const id of ['1', '2', '1']) ledger.addMount('a', id)
    await cleanUp(ledger, client)
    expect(calls).toEqual(['unmount a 1', 'unmount a 2', 'unmount a 1', 'remove a'])
    expect(ledger.names()).toEqual([])
  })

  test('removes nothing that the plugin does not have', async () => {
    const { client, calls } = fakePlugin([])
    const ledger = createLedger()
    ledger.addName('a')
    await cleanUp(ledger, client)
    expect({ calls, names: ledger.names() }).toEqual({ calls: [], names: [] })
  })

  test.each(['', '.', '..', '../..', '/', ' '])('never removes %j, which as a path is everybody’s', async (name) => {
    const { client, calls } = fakePlugin([name])
    const ledger = createLedger()
    ledger.addName(name)
    await cleanUpAtLast(ledger, client, deadlineIn(5_000), [1])
    expect({ calls, names: ledger.names() }).toEqual({ calls: [], names: [name] })
  })

  test('tries once between checks, and again at the end', async () => {
    const { client, calls } = fakePlugin(['a'], 2)
    const ledger = createLedger()
    ledger.addName('a')
    await cleanUp(ledger, client)
    await cleanUp(ledger, client)
    expect(calls).toEqual(['remove a'])
    await cleanUpAtLast(ledger, client, deadlineIn(5_000), [1, 1])
    expect(calls).toEqual(['remove a', 'remove a', 'remove a'])
    expect(ledger.names()).toEqual([])
  })

  test('keeps what cannot be removed', async () => {
    const { client } = fakePlugin(['a'], 100)
    const ledger = createLedger()
    ledger.addName('a')
    await cleanUpAtLast(ledger, client, deadlineIn(5_000), [1, 1])
    expect(ledger.names()).toEqual(['a'])
  })
})
