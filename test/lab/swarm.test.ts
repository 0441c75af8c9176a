import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { driver, hostOf, type Host } from './host.js'
import { traces } from './traces.js'
import { wholeLines, writerLoop } from './writer.js'

const facts = inject('lab')

describe('a Swarm service whose node dies', () => {
  let manager: Host
  let worker: Host

  beforeAll(async () => {
    manager = hostOf(facts, 'lab-b')
    worker = hostOf(facts, 'lab-a')
    for (const host of [manager, worker]) {
      await host.booted()
      await host.install()
    }
    await manager.run(`docker swarm init --advertise-addr ${manager.address} >/dev/null`)
    const token = (await manager.run('docker swarm join-token --quiet worker')).trim()
    await worker.run(`docker swarm join --token ${token} ${manager.address}:2377`)
  })

  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return
    const log = await manager.attempt('docker service ps --no-trunc writer; journalctl -u acs-plugin --no-pager -n 60')
    process.stderr.write(`${log.stdout}${log.stderr}\n`)
  })

  afterAll(async () => {
    await manager.attempt('docker service rm writer; docker swarm leave --force')
    await worker.attempt('docker swarm leave --force')
  })

  it('runs on the other node, with its data', async () => {
    const mount = `type=volume,source=service,destination=/data,volume-driver=${driver},volume-opt=size=256M`
    const availability = (word: string): Promise<string> =>
      manager.run(`docker node update --availability ${word} lab-b >/dev/null`)
    // Only the worker may take it; once it runs there, Swarm does not move it of its own accord.
    await availability('drain')
    await manager.run(
      `docker service create --quiet --detach --name writer --mount ${mount} busybox sh -c '${writerLoop}'`,
    )
    const linesOn = async (host: Host): Promise<number> =>
      Number((await host.attempt('wc -l < /mnt/acs/service/log')).stdout.trim() || 0)
    await expect.poll(() => linesOn(worker), { timeout: 180_000, interval: 2000 }).toBeGreaterThan(10)
    await availability('active')
    const before = await linesOn(worker)
    await worker.kill()
    await expect.poll(() => linesOn(manager), { timeout: 240_000, interval: 2000 }).toBeGreaterThan(before + 5)
    await manager.run('docker service rm writer')
    expect(await wholeLines(manager, 'service')).toBeGreaterThan(before)
    await worker.vm('start')
    await worker.booted()
    await expect.poll(() => worker.run(traces), { timeout: 120_000, interval: 3000 }).toBe('')
  })
})
