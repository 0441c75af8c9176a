import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import type { AttachedDisk, Initiator, MountEntry } from '../../../src/lib/host/host.js'
import { createObserver, type ObserverOptions } from '../../../src/lib/plugin/observer.js'
import type { PluginStatus } from '../../../src/lib/plugin/status/schema.js'
import { nameInTarget } from '../../../src/lib/volume/activity.js'
import { temporaryFolder } from '../volume/fake-context.js'
import { pluginStatus, quietDriver, volumeStatus } from './driver-statuses.js'

const uuid = '11111111-2222-3333-4444-555555555555'
const disk = (name: string, number: string): AttachedDisk => ({
  devicePath: `/dev/${name}`,
  deviceNumber: number,
  portal: '10.0.0.9:3260',
  targetName: `iqn.2010-06.com.nutanix:${name}-${uuid}`,
  lun: 0,
  sizeBytes: 2 ** 30,
  initiator: 'kernel',
})
const mountOf = ({ deviceNumber, devicePath }: AttachedDisk, mountPoint: string): MountEntry => ({
  mountPoint,
  deviceNumber,
  source: devicePath,
  filesystem: 'xfs',
  root: '/',
  options: [],
})

function status(change: Partial<PluginStatus> = {}): PluginStatus {
  return pluginStatus({
    calls: [{ call: 'Mount', requestId: 'r', volume: 'x', since: new Date().toISOString(), step: 'mount' }],
    counts: { calls: 100, failed: 2, byOutcome: {}, retries: 0, journalReplays: 0 },
    driver: {
      ...quietDriver,
      cache: { ...quietDriver.cache, refreshedAt: new Date().toISOString() },
      volumes: [volumeStatus({ deviceNumber: '8:0', device: '/dev/db' })],
    },
    ...change,
  })
}

async function scene(change: Partial<ObserverOptions> = {}) {
  const folder = await temporaryFolder()
  const disks = [disk('db', '8:0'), disk('hand', '8:16'), disk('bare', '8:32')]
  const setCounters = (number: string, reads: number, writes: number): void => {
    mkdirSync(join(folder, 'dev/block', number), { recursive: true })
    writeFileSync(
      join(folder, 'dev/block', number, 'stat'),
      `${reads} 0 ${reads * 8} ${reads} ${writes} 0 ${writes * 8} ${writes} 0 0 0`,
    )
  }
  for (const { deviceNumber } of disks) setCounters(deviceNumber, 0, 0)
  const initiator = {
    kind: 'kernel',
    attached: () => Promise.resolve(disks),
    sessions: () =>
      Promise.resolve(
        disks.map(({ targetName, lun }) => ({
          portal: 'p',
          targetName,
          lun,
          state: targetName.includes('hand') ? 'down' : 'up',
        })),
      ),
  } as Partial<Initiator> as Initiator
  const options: ObserverOptions = {
    host: {
      mounts: () => Promise.resolve([mountOf(disks[0]!, '/mnt/acs/db'), mountOf(disks[1]!, '/srv/hand')]),
      usage: () => Promise.resolve({ sizeBytes: 1000, usedBytes: 250, availableBytes: 750 }),
      identity: () => Promise.resolve({ hostName: 'host1', bootId: 'b' }),
    },
    initiators: [initiator],
    roots: { sysfs: folder },
    find: () => Promise.resolve({ plugin: status(), others: [], dead: [] }),
    docker: () => ({
      volumeMounts: () =>
        Promise.resolve([
          { volumeName: 'db', driver: 'nutanix', container: { id: 'c', name: 'postgres', state: 'running' } },
        ]),
    }),
    ...change,
  }
  const observer = createObserver(options)
  return { observer, setCounters, look: () => observer.look(deadlineIn(5_000)) }
}

describe('a look at the volumes', () => {
  it("has the plugin's and those by hand, each once", async () => {
    const { look } = await scene()
    const { volumes, plugin, calls, hostName } = await look()
    expect(hostName).toBe('host1')
    expect(plugin).toMatchObject({ name: 'nutanix', callsEnded: 100, callsFailed: 2, callsPerSecond: null })
    expect(calls).toMatchObject([{ call: 'Mount', volume: 'x', step: 'mount' }])
    expect(volumes.map(({ name, state, byPlugin, mountPoint }) => [name, state, byPlugin, mountPoint])).toEqual([
      ['bare', 'attached', false, null],
      ['db', 'mounted', true, '/mnt/acs/db'],
      ['hand', 'mounted', false, '/srv/hand'],
    ])
    expect(volumes.every(({ rates }) => rates === null)).toBe(true)
  })

  it('tells rates from the second one on, and what took longer', async () => {
    const { look, observer, setCounters } = await scene()
    await look()
    await observer.settled()
    await new Promise((resolve) => setTimeout(resolve, 50))
    setCounters('8:16', 100, 0)
    const { volumes, plugin } = await look()
    expect(plugin?.callsPerSecond).toBe(0)
    const [bare, db, hand] = volumes
    expect(hand?.rates?.readsPerSecond).toBeGreaterThan(0)
    expect(hand).toMatchObject({
      session: 'down',
      usedBytes: 250,
      usedShare: 0.25,
      containers: null,
      rates: { latencyMs: 1 },
    })
    expect(db).toMatchObject({
      session: 'up',
      containers: ['postgres'],
      usedShare: 0.5,
      rates: { readsPerSecond: 0, latencyMs: null },
    })
    expect(bare).toMatchObject({ session: 'up', usedBytes: null })
  })

  it('shows all by hand without a plugin, and starts anew with another one', async () => {
    let found: PluginStatus | undefined
    const { look } = await scene({
      find: () => Promise.resolve({ ...(found ? { plugin: found } : {}), others: [], dead: [] }),
    })
    const without = await look()
    expect(without.plugin).toBeNull()
    expect(without.volumes.map(({ name, byPlugin }) => [name, byPlugin])).toEqual([
      ['bare', false],
      ['db', false],
      ['hand', false],
    ])
    found = status({ counts: { calls: 10, failed: 0, byOutcome: {}, retries: 0, journalReplays: 0 } })
    expect((await look()).plugin?.callsPerSecond).toBeNull()
    found = status({ pid: 43, counts: { calls: 2, failed: 0, byOutcome: {}, retries: 0, journalReplays: 0 } })
    expect((await look()).plugin?.callsPerSecond).toBeNull()
  })

  it('goes on when the plugin, the disks or Docker do not answer, and says so', async () => {
    const { look, observer } = await scene({
      find: () => Promise.reject(new AcsError('timeout', 'EACSTIMEOUT', 'the plugin is stuck')),
      docker: () => ({ volumeMounts: () => Promise.reject(new Error('no')) }),
    })
    await look()
    await observer.settled()
    const { problems, volumes } = await look()
    expect(problems).toEqual(['the plugin is stuck'])
    expect(volumes).toHaveLength(3)
  })

  it('is for root', async () => {
    const { look } = await scene({ find: () => Promise.reject(new AcsError('precondition', 'EACSNOTROOT', 'sudo')) })
    await expect(look()).rejects.toMatchObject({ code: 'EACSNOTROOT' })
  })
})

it('a target has the name of its group', () => {
  expect(nameInTarget(`iqn.2010-06.com.nutanix:web-data-1-${uuid}`)).toBe('web-data-1')
  expect(nameInTarget('iqn.2010-06.com.nutanix:odd')).toBe('odd')
  expect(nameInTarget(`iqn.2001-01.com.example:${uuid}`)).toBe(`iqn.2001-01.com.example:${uuid}`)
})
