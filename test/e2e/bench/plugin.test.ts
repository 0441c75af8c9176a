import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startCluster, type BenchCluster } from '../../bench/cluster.js'
import type { Figure } from '../../bench/figure.js'
import { benchAnswers } from '../../bench/plugin/answers.js'
import { benchCreates } from '../../bench/plugin/creates.js'
import { benchMount } from '../../bench/plugin/mount.js'
import { benchSocketReady } from '../../bench/plugin/socket-ready.js'
import { canMount } from '../volume/mounted-lab.js'

// As small as they can be, and whatever the figures: a machine that runs tests says nothing of times.
describe.skipIf(!canMount('bench:plugin', ['iscsi-inq', 'curl', 'jq']))('npm run bench:plugin', () => {
  let cluster: BenchCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())

  const measured = (figures: readonly Figure[]): void => {
    for (const { name, value } of figures) expect.soft(value, name).toBeGreaterThan(0)
  }

  it('measures how soon the socket is ready', async () => {
    measured(await benchSocketReady(cluster, 1))
  })

  it('measures a mount against one by hand, which do the same', async () => {
    measured(await benchMount(cluster, 1))
  })

  it('measures creates against curl', async () => {
    const [ratio, errors] = await benchCreates(cluster, { rounds: 1, volumes: 11 })
    measured([ratio!])
    expect(errors?.value).toBe(0)
  })

  it('measures List, Get and memory', async () => {
    measured(await benchAnswers(cluster, { volumes: 20, calls: 5, everyMs: 40, settleMs: 100 }))
  })
})
