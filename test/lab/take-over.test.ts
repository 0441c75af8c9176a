import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { driver, hostOf, type Host } from './host.js'
import { traces } from './traces.js'
import { startWriter, wholeLines } from './writer.js'

const facts = inject('lab')
const delaySeconds = 10
/** What a mount may take besides, on an emulated machine. */
const mountSeconds = 60

describe('a host that dies', () => {
  let a: Host
  let b: Host

  beforeAll(async () => {
    a = hostOf(facts, 'lab-a')
    b = hostOf(facts, 'lab-b')
    for (const host of [a, b]) {
      process.stderr.write(`${host.name}: shell and Docker after ${((await host.booted()) / 1000).toFixed(0)} s\n`)
      await host.install()
      await host.run(
        `printf 'takeOver: { policy: take-over, delay: ${delaySeconds}s }\\n' >> /etc/acs/plugin.yaml && systemctl restart acs-plugin`,
      )
    }
  })

  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return
    for (const host of [a, b]) {
      const log = await host.attempt('journalctl -u acs-plugin --no-pager -n 60; dmesg | tail -n 40')
      process.stderr.write(`${host.name}:\n${(await host.consoleLog()).slice(-3000)}\n${log.stdout}${log.stderr}\n`)
    }
  })

  it('has its container started on the other one, with every acknowledged line there', async () => {
    await a.run(`docker volume create --driver ${driver} --opt size=256M data`)
    const writer = startWriter(a, 'data', 'writer')
    await expect.poll(() => writer.acknowledged(), { timeout: 180_000 }).toBeGreaterThan(20)
    await a.kill()
    const acknowledged = writer.acknowledged()
    const beganAt = Date.now()
    const whole = await wholeLines(b, 'data')
    const seconds = (Date.now() - beganAt) / 1000
    process.stderr.write(`taken over: ${acknowledged} acknowledged, ${whole} found, after ${seconds.toFixed(0)} s\n`)
    expect(whole).toBeGreaterThanOrEqual(acknowledged)
    expect(seconds).toBeLessThan(delaySeconds + mountSeconds)
    expect(await b.run('dmesg')).not.toMatch(/EXT4-fs error|I\/O error|Corruption/)
  })

  it('does not touch the volume when it is back, and cleans up', async () => {
    const next = startWriter(b, 'data', 'next')
    await expect.poll(() => next.acknowledged(), { timeout: 180_000 }).toBeGreaterThan(5)
    await expect.poll(() => a.state(), { timeout: 30_000 }).toBe('off')
    await a.vm('start')
    await a.booted()
    await a.run('docker volume ls >/dev/null; systemctl is-active acs-plugin')
    await expect.poll(() => a.run(traces), { timeout: 120_000, interval: 3000 }).toBe('')
    const before = next.acknowledged()
    await expect.poll(() => next.acknowledged(), { timeout: 60_000 }).toBeGreaterThan(before + 5)
    await b.run('docker rm --force next')
  })

  const losses: [string, string, (host: Host) => Promise<void>, (host: Host) => Promise<void>][] = [
    ['cut off from the network', 'cable', (host) => host.setCable(false), (host) => host.setCable(true)],
    ['paused', 'pause', (host) => host.pause(), (host) => host.unpause()],
  ]
  it.each(losses)('that is only %s cannot write any more when it is back', async (_how, volume, lose, find) => {
    await a.run(`docker volume create --driver ${driver} --opt size=256M ${volume}`)
    const writer = startWriter(a, volume, volume)
    await expect.poll(() => writer.acknowledged(), { timeout: 180_000 }).toBeGreaterThan(5)
    await lose(a)
    const whole = await wholeLines(b, volume)
    const next = startWriter(b, volume, `${volume}-next`)
    await expect.poll(() => next.acknowledged(), { timeout: 180_000 }).toBeGreaterThan(whole + 5)
    await find(a)
    const isRunning = async (): Promise<string> =>
      (await a.attempt(`docker inspect --format '{{.State.Running}}' ${volume}`)).stdout.trim()
    await expect.poll(isRunning, { timeout: 240_000, interval: 2000 }).toBe('false')
    // What it was told is written is there, and its last word is that it could not.
    const words = (await a.run(`docker logs ${volume}`)).trim().split('\n')
    expect(words.at(-1)).toMatch(/^error .*(Input\/output error|Read-only file system|Structure needs cleaning)/)
    expect(Number(words.at(-2))).toBeLessThanOrEqual(whole)
    await b.run(`docker rm --force ${volume}-next`)
    expect(await wholeLines(b, volume)).toBeGreaterThanOrEqual(next.acknowledged())
    await a.run(`docker rm --force ${volume}`)
    await expect.poll(() => a.run(traces), { timeout: 120_000, interval: 3000 }).toBe('')
  })
})
