import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { acs, acsJson, exec } from './commands.js'
import { driver, hostOf, type Host } from './host.js'
import { traces } from './traces.js'
import { startWriter, wholeLines, type Writer } from './writer.js'

const facts = inject('lab')
const data = join(facts.folder, 'sim')

describe("the kernel's initiator", () => {
  let host: Host
  let other: Host

  beforeAll(async () => {
    host = hostOf(facts, 'lab-a')
    other = hostOf(facts, 'lab-b')
    await host.booted()
    await host.install()
    await host.run(`printf 'linger: 1s\\n' >> /etc/acs/plugin.yaml && systemctl restart acs-plugin`)
  })

  afterEach(async ({ task }) => {
    await host.attempt('docker ps --all --quiet | xargs --no-run-if-empty docker rm --force')
    if (task.result?.state !== 'fail') return
    const log = await host.attempt('journalctl -u acs-plugin --no-pager -n 60; dmesg | tail -n 40')
    process.stderr.write(`${(await host.consoleLog()).slice(-3000)}\n${log.stdout}${log.stderr}\n`)
  })

  async function written(writer: Writer, more: number): Promise<void> {
    const before = writer.acknowledged()
    await expect.poll(() => writer.acknowledged(), { timeout: 180_000 }).toBeGreaterThan(before + more)
  }

  async function writerOn(volume: string): Promise<Writer> {
    await host.run(`docker volume create --driver ${driver} --opt size=256M ${volume}`)
    const writer = startWriter(host, volume, `on-${volume}`)
    await written(writer, 3)
    return writer
  }

  /** Ends the writer, and reads all it wrote. */
  async function expectWhole(writer: Writer, volume: string): Promise<void> {
    await host.run(`docker rm --force on-${volume}`)
    expect(await wholeLines(host, volume)).toBeGreaterThanOrEqual(writer.acknowledged())
  }

  it('sees a mounted volume grow under its writer', async () => {
    const writer = await writerOn('grow')
    const sizeOf = async (): Promise<number> =>
      Number((await host.run(`docker exec on-grow df -m /data | awk 'END { print $2 }'`)).trim())
    const before = await sizeOf()
    await host.run('acs volume resize grow 512M --no-input')
    expect(await sizeOf()).toBeGreaterThan(before * 1.8)
    await written(writer, 3)
    await expectWhole(writer, 'grow')
  })

  it('goes on after its session was cut', async () => {
    const writer = await writerOn('cut')
    await acs(['sim', 'fault', 'add', 'iscsi-drop', '--match', '*cut-*', '--data', data], facts.env)
    await written(writer, 5)
    await expectWhole(writer, 'cut')
  })

  it('waits for a portal that is away for a minute, and goes on', async () => {
    const writer = await writerOn('away')
    const rules = ['3260', '3205'].map((port) => [
      'INPUT',
      '-p',
      'tcp',
      '-d',
      '10.216.0.1',
      '--dport',
      port,
      '-j',
      'DROP',
    ])
    for (const rule of rules) await exec('iptables', ['-I', ...rule])
    try {
      await new Promise((resolve) => setTimeout(resolve, 5000))
      const before = writer.acknowledged()
      await new Promise((resolve) => setTimeout(resolve, 55_000))
      expect(writer.acknowledged()).toBe(before)
    } finally {
      for (const rule of rules) await exec('iptables', ['-D', ...rule])
    }
    await written(writer, 5)
    await expectWhole(writer, 'away')
  })

  it('goes on after the target, and all of the cluster, was killed and started again', async () => {
    const writer = await writerOn('restart')
    const { pid, endpoint } = JSON.parse(await readFile(join(data, 'running.json'), 'utf8')) as Record<string, string>
    process.kill(Number(pid), 'SIGKILL')
    await acsJson(
      ['sim', 'start', '--detach', '--data', data, '--hypervisor', 'qemu', '--listen', new URL(endpoint ?? '').host],
      facts.env,
    )
    expect(await host.state()).toBe('on')
    await written(writer, 5)
    await expectWhole(writer, 'restart')
  })

  it('leaves nothing behind after 20 volumes at once', async () => {
    const said = Number(await host.run('dmesg | wc -l'))
    const names = Array.from({ length: 20 }, (_, index) => `many${index}`)
    await host.run(names.map((name) => `docker volume create --driver ${driver} --opt size=64M ${name}`).join('\n'))
    const mounts = names.map((name) => `-v ${name}:/mnt/${name}`).join(' ')
    const script = 'for place in /mnt/*; do echo here > $place/file; done; df | grep -c /mnt/'
    expect((await host.run(`docker run --rm ${mounts} busybox sh -c '${script}'`, { timeoutMs: 400_000 })).trim()).toBe(
      '20',
    )
    await expect.poll(() => host.run(traces), { timeout: 180_000, interval: 3000 }).toBe('')
    const complaints = `tail -n +${said + 1} | grep -E 'I/O error|EXT4-fs error|detected conn error|hung_task|BUG:' || true`
    expect(await host.run(`dmesg | ${complaints}`)).toBe('')
  })

  it('costs a container nothing', async () => {
    await host.run(`docker volume create --driver ${driver} --opt size=256M speed`)
    const fio =
      'fio --name=t --filename=/data/f --size=64M --rw=randrw --bs=16k --ioengine=psync --direct=1 --runtime=20 --time_based --output-format=json'
    await host.run('docker run --detach --name speed -v speed:/data busybox sleep 100000')
    const inContainer = `docker run --rm -v speed:/data -v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro -v /etc/ld.so.cache:/etc/ld.so.cache:ro busybox ${fio.replace('fio ', '/usr/bin/fio ')}`
    const byHand = fio.replace('/data/f', '/mnt/acs/speed/f')
    const total = { container: 0, hand: 0 }
    // The other host is emulated by the same cores.
    await other.pause()
    try {
      // In the order A B, B A: what becomes slower or faster meanwhile does so for both.
      for (const first of ['container', 'hand', 'hand', 'container', 'container', 'hand'] as const)
        total[first] += await speedOf(first === 'container' ? inContainer : byHand)
    } finally {
      await other.unpause()
    }
    const ratio = total.container / total.hand
    process.stderr.write(`fio in a container against by hand: ${ratio.toFixed(3)}\n`)
    expect(ratio).toBeGreaterThanOrEqual(0.97)
  })

  /** Bytes a second, reads and writes. */
  async function speedOf(command: string): Promise<number> {
    const { jobs } = JSON.parse(await host.run(command, { timeoutMs: 120_000 })) as {
      jobs: { read: { bw_bytes: number }; write: { bw_bytes: number } }[]
    }
    return jobs.reduce((sum, { read, write }) => sum + read.bw_bytes + write.bw_bytes, 0)
  }
})
