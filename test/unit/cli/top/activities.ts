import type { Activity, VolumeActivity } from '../../../../src/lib/volume/activity.js'

export const at = '2026-01-02T03:04:05.000Z'

/** A mounted volume at rest, changed as given. */
export function volume(change: Partial<VolumeActivity> = {}): VolumeActivity {
  return {
    name: 'db',
    uuid: '11111111-2222-3333-4444-555555555555',
    state: 'mounted',
    session: 'up',
    containers: ['postgres'],
    mountPoint: '/mnt/acs/db',
    device: '/dev/sdb',
    filesystem: 'ext4',
    sizeBytes: 20 * 2 ** 30,
    usedBytes: 2 ** 30,
    usedShare: 0.05,
    rates: rates(),
    lingersUntil: null,
    byPlugin: true,
    ...change,
  }
}

export function rates(
  change: Partial<NonNullable<VolumeActivity['rates']>> = {},
): NonNullable<VolumeActivity['rates']> {
  return {
    readBytesPerSecond: 0,
    writtenBytesPerSecond: 0,
    readsPerSecond: 0,
    writesPerSecond: 0,
    latencyMs: null,
    busy: 0,
    inFlight: 0,
    ...change,
  }
}

export function activity(change: Partial<Activity> = {}): Activity {
  return {
    at,
    hostName: 'host1',
    plugin: {
      name: 'nutanix',
      version: '1.2.3',
      state: 'ready',
      pid: 42,
      since: '2026-01-02T01:04:05.000Z',
      cluster: { endpoint: 'prism:9440', state: 'reachable', answeredAt: '2026-01-02T03:04:02.000Z' },
      knownVolumes: 5_000,
      listRefreshedAt: '2026-01-02T03:03:53.000Z',
      callsEnded: 12,
      callsFailed: 1,
      callsPerSecond: 2.5,
    },
    volumes: [volume()],
    calls: [],
    problems: [],
    ...change,
  }
}
