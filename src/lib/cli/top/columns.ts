import { formatSize } from '../../base/sizes.js'
import type { VolumeActivity } from '../../volume/activity.js'

/** One column of `acs top`. */
export interface TopColumn {
  key: string
  header: string
  /** The key that sorts by it, in the live view. */
  hotkey?: string
  text(volume: VolumeActivity, nowMs: number): string
  /** What it is sorted by; null goes last. */
  value(volume: VolumeActivity): string | number | null
  right?: true
  /** Wide enough for what usually comes, so that nothing jumps. */
  width?: number
  /** May be cut down to this. */
  shrinksTo?: number
  /** Left out where there is no room, the highest first. */
  leaves?: number
}

export const topColumns: readonly TopColumn[] = [
  { key: 'name', header: 'name', hotkey: 'n', text: ({ name }) => name, value: ({ name }) => name, shrinksTo: 10 },
  {
    key: 'containers',
    header: 'containers',
    hotkey: 'c',
    text: ({ containers }) => (containers === null || containers.length === 0 ? '-' : containers.join(',')),
    value: ({ containers }) => (containers === null || containers.length === 0 ? null : containers.join(',')),
    shrinksTo: 10,
    leaves: 2,
  },
  { key: 'state', header: 'state', text: stateText, value: ({ state }) => state, width: 9 },
  number('size', 's', ({ sizeBytes }) => sizeBytes, bytes, 8, { leaves: 4 }),
  number('used', 'u', ({ usedShare }) => usedShare, percent, 4),
  number('read', 'r', ({ rates }) => rates?.readBytesPerSecond ?? null, bytes, 8, { header: 'read/s' }),
  number('write', 'w', ({ rates }) => rates?.writtenBytesPerSecond ?? null, bytes, 8, { header: 'write/s' }),
  number('iops', 'i', ({ rates }) => (rates ? rates.readsPerSecond + rates.writesPerSecond : null), count, 5),
  number('latency', 'l', ({ rates }) => rates?.latencyMs ?? null, milliseconds, 7),
  number('busy', 'b', ({ rates }) => rates?.busy ?? null, percent, 4, { leaves: 5 }),
  {
    key: 'mount',
    header: 'mount point',
    text: ({ mountPoint }) => mountPoint ?? '-',
    value: ({ mountPoint }) => mountPoint,
    shrinksTo: 14,
    leaves: 6,
  },
  { key: 'device', header: 'device', text: ({ device }) => device ?? '-', value: ({ device }) => device, leaves: 7 },
]

/** The keys of `--sort`. */
export const sortKeys = topColumns.map(({ key }) => key)

/** Numbers are of interest from the largest down, names from the first on. */
export function sortVolumes(volumes: readonly VolumeActivity[], key: string, reversed: boolean): VolumeActivity[] {
  const column = topColumns.find((each) => each.key === key)
  if (!column) return [...volumes]
  const sign = (column.right ? -1 : 1) * (reversed ? -1 : 1)
  return [...volumes].sort((a, b) => {
    const [left, right] = [column.value(a), column.value(b)]
    if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1
    return left === right ? 0 : left < right ? -sign : sign
  })
}

/** Whether a person should look at it. */
export function isTroubled({ state, session }: VolumeActivity): boolean {
  return state === 'lost' || session === 'down' || session === 'gone'
}

function stateText(volume: VolumeActivity, nowMs: number): string {
  const { state, session, lingersUntil } = volume
  if (state === 'lost') return 'lost'
  if (session === 'down') return 'no session'
  if (session === 'gone') return 'disk gone'
  if (state !== 'lingering' || lingersUntil === null) return state
  return `lingers ${Math.max(0, Math.round((Date.parse(lingersUntil) - nowMs) / 1000))}s`
}

function number(
  key: string,
  hotkey: string,
  value: (volume: VolumeActivity) => number | null,
  format: (value: number) => string,
  width: number,
  more: { header?: string; leaves?: number } = {},
): TopColumn {
  return {
    key,
    header: key,
    hotkey,
    value,
    width,
    right: true,
    text: (volume) => {
      const found = value(volume)
      return found === null ? '-' : format(found)
    },
    ...more,
  }
}

/** `0`, `512 B`, `12.3 MiB`. */
export function bytes(value: number): string {
  const rounded = Math.round(value)
  return rounded === 0 ? '0' : formatSize(rounded)
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`
}

export function count(value: number): string {
  return value >= 10 || value === 0 ? String(Math.round(value)) : value.toFixed(1)
}

function milliseconds(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`
}
