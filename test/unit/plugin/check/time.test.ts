import { describe, expect, test } from 'vitest'
import { allChecks } from '../../../../src/lib/plugin/check/all-checks.js'
import type { PluginClient } from '../../../../src/lib/plugin/check/client.js'
import type { CheckContext } from '../../../../src/lib/plugin/check/context.js'

/** A check of times looks at nothing else. */
function timings(calls: Record<string, number>): CheckContext {
  const seen = Object.entries(calls).map(([call, slowestMs]) => [call, { count: 1, slowestMs }] as const)
  const context: Partial<CheckContext> = { timings: new Map(seen) }
  return context as CheckContext
}

const run = (id: string, calls: Record<string, number>): Promise<unknown> =>
  Promise.resolve(allChecks.find((check) => check.id === id)!.run({} as PluginClient, timings(calls)))

describe('the limits of Docker', () => {
  test('are two minutes for Create and Mount, and one for the rest', async () => {
    await expect(run('time.docker', { 'VolumeDriver.Mount': 119_000, 'VolumeDriver.Get': 59_000 })).resolves.toBe(
      'slowest: Mount 119000 ms, Get 59000 ms',
    )
    await expect(run('time.docker', { 'VolumeDriver.Mount': 121_000 })).rejects.toThrow('too slow: Mount 121000 ms')
    await expect(run('time.docker', { 'VolumeDriver.Create': 121_000 })).rejects.toThrow('too slow: Create')
    await expect(run('time.docker', { 'VolumeDriver.Unmount': 61_000 })).rejects.toThrow('too slow: Unmount')
  })
})

describe("Podman's limit", () => {
  test('is five seconds for everything', async () => {
    await expect(run('time.podman', { 'VolumeDriver.Mount': 4_900 })).resolves.toBe('slowest: Mount 4900 ms')
    await expect(run('time.podman', { 'VolumeDriver.Mount': 5_100, 'VolumeDriver.Get': 1 })).rejects.toThrow(
      'too slow: Mount 5100 ms',
    )
  })
})
