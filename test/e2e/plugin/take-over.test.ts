import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { canMount } from '../volume/mounted-lab.js'
import { until } from './until.js'
import { startHostsLab, startWriter, wholeBlocks, type Host, type HostsLab } from './hosts-lab.js'
import { join } from 'node:path'

const volumes = Array.from({ length: 10 }, (_, index) => `vol${index}`)
const roundsEach = 20

/** How long after the other host has the volume the loser's I/O may take to fail. */
const failWithinMs = 15_000

describe.skipIf(!canMount('two hosts', ['ip', 'unshare', 'nsenter', 'fsfreeze']))('two hosts want one volume', () => {
  let lab: HostsLab
  beforeAll(async () => {
    lab = await startHostsLab('takeOver: { policy: take-over, delay: 1s }\nlinger: 10s')
    for (const host of lab.hosts) await host.start()
    for (const name of volumes) await lab.hosts[0].client.ok('Create', { Name: name, Opts: { size: '64M' } })
  })
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') for (const host of lab.hosts) process.stderr.write(host.logs())
  })
  afterAll(() => lab.close())

  it('hands over at once what no container uses', async () => {
    const [a, b] = lab.hosts
    await a.client.ok('Mount', { Name: 'vol0', ID: 'a' })
    await a.client.ok('Unmount', { Name: 'vol0', ID: 'a' })
    expect(await a.leftovers()).not.toEqual([])
    const began = Date.now()
    await b.client.ok('Mount', { Name: 'vol0', ID: 'b' })
    // Well below the take-over delay and the linger: the holder was asked.
    expect(Date.now() - began).toBeLessThan(5_000)
    expect(await a.leftovers()).toEqual([])
    await b.client.ok('Unmount', { Name: 'vol0', ID: 'b' })
    // And back, from a linger there.
    await a.client.ok('Mount', { Name: 'vol0', ID: 'a' })
    expect(await b.leftovers()).toEqual([])
    await a.client.ok('Unmount', { Name: 'vol0', ID: 'a' })
  })

  it('refuses what a container uses there, and says so', async () => {
    const [a, b] = lab.hosts
    await a.client.ok('Mount', { Name: 'vol1', ID: 'a' })
    const { status, body } = await b.client.call('Mount', { Name: 'vol1', ID: 'b' })
    expect(status).toBe(500)
    expect(body.Err).toMatch(/in use by .* on host2-/)
    await a.client.ok('Unmount', { Name: 'vol1', ID: 'a' })
    expect((await b.leftovers()).filter((left) => left.includes('vol1'))).toEqual([])
  })

  it(`takes over from a silent host, ${volumes.length * roundsEach} times, losing no acknowledged write`, async () => {
    const [a, b] = lab.hosts
    // Each host's plugin lives and can reach the cluster, but not the other.
    await a.isolate()
    const latest = await Promise.all(volumes.map((name) => rounds(name, a, b)))
    expect(latest.every((each) => each.slowestMs < failWithinMs)).toBe(true)
    process.stderr.write(
      `take-over: ${volumes.length * roundsEach} rounds, ${latest.reduce((sum, each) => sum + each.written, 0)} acknowledged blocks, slowest failing I/O ${Math.max(...latest.map((each) => each.slowestMs))} ms after the other host had the volume\n`,
    )
    for (const host of lab.hosts)
      await until(`${host.name} is clean`, 60_000, async () => (await host.leftovers()).length === 0)
    await a.rejoin()
  }, 900_000)
})

/** From one to the other and back, under a writer. */
async function rounds(name: string, a: Host, b: Host): Promise<{ slowestMs: number; written: number }> {
  let [holder, other] = [a, b]
  let slowestMs = 0
  let written = -1
  await holder.client.ok('Mount', { Name: name, ID: `${name}-0` })
  for (let round = 1; round <= roundsEach; round += 1) {
    const writer = startWriter(join(holder.mountPoint(name), 'blocks'), written + 1)
    const before = written
    await until(`${name} is written to`, 30_000, () => Promise.resolve(writer.acknowledged() > before + 5))
    await other.client.ok('Mount', { Name: name, ID: `${name}-${round}` })
    const takenAt = Date.now()
    const whole = await wholeBlocks(join(other.mountPoint(name), 'blocks'))
    // Nothing may be acknowledged to the loser that the winner does not see.
    const code = await writer.ended
    expect(['EIO', 'EROFS', 'ESHUTDOWN', 'ENOSPC']).toContain(code)
    expect(whole).toBeGreaterThanOrEqual(writer.acknowledged())
    slowestMs = Math.max(slowestMs, (writer.endedAt() ?? Infinity) - takenAt)
    written = whole
    const loser = holder
    await loser.client.ok('Unmount', { Name: name, ID: `${name}-${round - 1}` })
    await until(`${loser.name} is clean of ${name}`, 30_000, async () =>
      (await loser.leftovers()).every((left) => !left.includes(`${name}-`) && !left.endsWith(name)),
    )
    ;[holder, other] = [other, holder]
  }
  await holder.client.ok('Unmount', { Name: name, ID: `${name}-${roundsEach}` })
  return { slowestMs, written }
}
