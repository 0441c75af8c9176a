import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { exec } from './commands.js'
import { driver, hostOf, type Host } from './host.js'

const facts = inject('lab')
const names = Array.from({ length: 5 }, (_, index) => `boot${index}`)
const prismPort = facts.endpoint.split(':')[1] ?? ''

/** Appends a line a second. */
const loop = 'while :; do date >> /data/log; sync /data/log; sleep 1; done'

describe('containers that are always restarted', () => {
  let host: Host

  beforeAll(async () => {
    host = hostOf(facts, 'lab-a')
    await host.booted()
    await host.install()
    for (const name of names) {
      await host.run(`docker volume create --driver ${driver} --opt size=64M ${name}`)
      await host.run(`docker run --detach --restart always --name ${name} -v ${name}:/data busybox sh -c '${loop}'`)
    }
  })

  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return
    const log = await host.attempt('docker ps --all; journalctl -b -u acs-plugin -u docker --no-pager -n 80')
    process.stderr.write(`${(await host.consoleLog()).slice(-2000)}\n${log.stdout}${log.stderr}\n`)
  })

  afterAll(async () => {
    await host.attempt(`docker rm --force ${names.join(' ')}`)
  })

  async function reboot(): Promise<void> {
    const before = await host.bootId()
    await host.vm('restart')
    await host.disconnect()
    await host.booted(before)
  }

  /** Of each volume's file. */
  async function lines(): Promise<number[]> {
    const { stdout } = await host.attempt(`cd /mnt/acs && for name in ${names.join(' ')}; do wc -l < $name/log; done`)
    return stdout.trim().split('\n').map(Number)
  }

  async function expectAllBack(before: readonly number[]): Promise<void> {
    const all = async (): Promise<boolean> => {
      const now = await lines()
      return now.length === names.length && now.every((count, at) => count > (before[at] ?? Infinity))
    }
    await expect.poll(all, { timeout: 300_000, interval: 3000 }).toBe(true)
  }

  it('are back with their volumes after a reboot', async () => {
    const before = await lines()
    expect(before).toHaveLength(names.length)
    await reboot()
    await expectAllBack(before)
  })

  it('are back also when Prism cannot be reached for the first minute', async () => {
    const before = await lines()
    const rule = ['INPUT', '-p', 'tcp', '-d', '10.216.0.1', '--dport', prismPort, '-j', 'REJECT']
    await exec('iptables', ['-I', ...rule])
    try {
      await reboot()
      await new Promise((resolve) => setTimeout(resolve, 60_000))
    } finally {
      await exec('iptables', ['-D', ...rule])
    }
    await expectAllBack(before)
  })
})
