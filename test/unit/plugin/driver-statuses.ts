import type { DriverStatus, PluginStatus, VolumeStatus } from '../../../src/lib/plugin/status/schema.js'

/** What a driver says that has nothing to do. */
export const quietDriver: DriverStatus = {
  prism: {
    state: 'reachable',
    endpoint: 'prism.example.com:9440',
    answeredAt: '2026-01-02T03:04:05Z',
    lastError: null,
  },
  cache: { volumes: 0, refreshedAt: '2026-01-02T03:04:05Z', lastError: null },
  initiator: { kind: 'kernel', name: 'iqn.1993-08.org.debian:01:test' },
  initiatorError: null,
  sessions: 0,
  peerAddress: '10.0.0.1:7440',
  volumes: [],
  settings: {
    configFile: '/etc/acs/plugin.yaml',
    stateFolder: '/var/lib/acs',
    mountFolder: '/mnt/acs',
    lingerMs: 20_000,
    takeOver: { policy: 'take-over', delayMs: 30_000 },
    peerListen: '0.0.0.0:7440',
    show: 'ours',
    keepTrashMs: 604_800_000,
    metrics: null,
    dockerSocket: '/var/run/docker.sock',
    logLevel: 'info',
  },
}

/** A plugin that has nothing to do, changed as given. */
export function pluginStatus(change: Partial<PluginStatus> = {}): PluginStatus {
  return {
    v: 1,
    name: 'nutanix',
    version: '1.2.3',
    pid: 42,
    since: '2026-01-02T03:00:00Z',
    runs: 'service',
    socket: "systemd's socket",
    state: 'ready',
    connections: 1,
    calls: [],
    counts: { calls: 0, failed: 0, byOutcome: {}, retries: 0, journalReplays: 0 },
    lastFailure: null,
    driver: quietDriver,
    ...change,
  }
}

/** A mounted volume, changed as given. */
export function volumeStatus(change: Partial<VolumeStatus> = {}): VolumeStatus {
  return {
    name: 'db',
    uuid: '11111111-2222-3333-4444-555555555555',
    state: 'mounted',
    mountPoint: '/mnt/acs/db',
    device: '/dev/sdb',
    deviceNumber: '8:16',
    filesystem: 'ext4',
    sizeBytes: 2 ** 30,
    usedBytes: 2 ** 29,
    availableBytes: 2 ** 29,
    callers: [{ id: 'c1', since: '2026-01-02T03:04:05Z' }],
    lingersUntil: null,
    byHand: false,
    ...change,
  }
}
