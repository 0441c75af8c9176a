import { Flags } from '@oclif/core'
import { formatDuration, parseDuration } from '../base/durations.js'
import { AcsError } from '../base/errors.js'
import { formatSize, parseSize } from '../base/sizes.js'
import type { StorageContainer, StorageContainerChange } from '../prism/prism.js'
import { durationFlag, sizeFlag } from './flags.js'
import type { Columns, JsonValue } from './output/columns.js'

const size = { numeric: true, parse: parseSize, format: (value: JsonValue) => formatSize(Number(value)) }

/** Columns of a storage container, for every command that shows one. */
export const containerColumns: Columns<StorageContainer> = [
  { key: 'name', header: 'Name', value: (container) => container.name },
  { key: 'uuid', header: 'UUID', value: (container) => container.uuid },
  { key: 'capacityBytes', header: 'Capacity', ...size, value: (container) => container.maxCapacityBytes },
  {
    key: 'advertisedBytes',
    header: 'Advertised',
    default: false,
    ...size,
    value: (container) => container.advertisedCapacityBytes ?? null,
  },
  {
    key: 'reservedBytes',
    header: 'Reserved',
    default: false,
    ...size,
    value: (container) => container.reservedBytes ?? null,
  },
  { key: 'usedBytes', header: 'Used', ...size, value: (container) => container.usedBytes ?? null },
  {
    key: 'replicationFactor',
    header: 'RF',
    numeric: true,
    value: (container) => container.replicationFactor ?? null,
  },
  {
    key: 'compression',
    header: 'Compression',
    default: false,
    value: (container) => container.compressionEnabled ?? null,
  },
  {
    key: 'compressionDelaySeconds',
    header: 'Compression delay',
    default: false,
    numeric: true,
    parse: (text) => parseDuration(text) / 1000,
    format: (value) => formatDuration(Number(value) * 1000),
    value: (container) => container.compressionDelaySeconds ?? null,
  },
  {
    key: 'deduplication',
    header: 'Deduplication',
    default: false,
    value: (container) => container.deduplication ?? null,
  },
  {
    key: 'erasureCoding',
    header: 'Erasure coding',
    default: false,
    value: (container) => container.erasureCoding ?? null,
  },
  { key: 'internal', header: 'Internal', default: false, value: (container) => container.internal },
]

/** What a storage container can be made or changed to. */
export const containerFlags = {
  advertised: sizeFlag({ summary: 'Let it grow to this; 0 for all there is.' }),
  reserved: sizeFlag({ summary: 'Set so much aside for it, whether used or not; 0 for nothing.' }),
  rf: Flags.integer({ summary: 'Replication factor: copies of all data.', min: 1, max: 3, helpValue: 'N' }),
  compression: Flags.boolean({ summary: 'Compress.', allowNo: true }),
  'compression-delay': durationFlag({ summary: 'Compress so long after the write; 0 for while it is written.' }),
  deduplication: Flags.option({
    summary: 'off; cache: fingerprints for the cache; capacity: on disk too.',
    options: ['off', 'cache', 'capacity'] as const,
  })(),
  'erasure-coding': Flags.boolean({ summary: 'Erasure coding of cold data.', allowNo: true }),
}

export interface ContainerFlagValues {
  advertised?: number | undefined
  reserved?: number | undefined
  rf?: number | undefined
  compression?: boolean | undefined
  'compression-delay'?: number | undefined
  deduplication?: 'off' | 'cache' | 'capacity' | undefined
  'erasure-coding'?: boolean | undefined
}

/** What the flags say, and nothing of what they do not. */
export function containerChange(flags: ContainerFlagValues): StorageContainerChange {
  const delayMs = flags['compression-delay']
  if (delayMs !== undefined && flags.compression === false)
    throw new AcsError('usage', 'EACSUSAGE', '--no-compression takes no --compression-delay')
  const change: Record<Exclude<keyof StorageContainerChange, 'name'>, unknown> = {
    advertisedCapacityBytes: flags.advertised === 0 ? null : flags.advertised,
    reservedBytes: flags.reserved,
    replicationFactor: flags.rf,
    // A delay says that it is wanted.
    compressionEnabled: flags.compression ?? (delayMs === undefined ? undefined : true),
    compressionDelaySeconds: delayMs === undefined ? undefined : Math.round(delayMs / 1000),
    deduplication: flags.deduplication,
    erasureCoding: flags['erasure-coding'],
  }
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}
