import { AcsError } from './errors.js'
import { printable } from './printable.js'

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
}

/** Largest volume acs makes: 64 TiB, the vDisk limit the field works with (assumed, docs/simulator.md). */
export const maxVolumeBytes = 64 * 1024 ** 4

/**
 * Bytes of a size as people write it: `20G`, `20GiB`, `1.5T`, `512M`, `1073741824`. Units are binary
 * whatever their spelling, as in qemu, lvm and docker. Throws EACSSIZE (usage) on anything else.
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgtp]?)(?:i?b)?$/i.exec(text.trim())
  if (!match) throw badSize(text, 'it is not a number with a unit')
  const bytes = Number(match[1]) * (units[(match[2] ?? '').toLowerCase()] ?? Number.NaN)
  if (!Number.isSafeInteger(Math.round(bytes))) throw badSize(text, 'it is too large')
  return Math.round(bytes)
}

/** `parseSize` for a volume: above zero, at most 64 TiB, rounded up to whole MiB as Prism counts. */
export function parseVolumeSize(text: string): number {
  const bytes = parseSize(text)
  if (bytes <= 0) throw badSize(text, 'a volume needs at least 1M')
  if (bytes > maxVolumeBytes) throw badSize(text, 'a volume can have at most 64T')
  return Math.ceil(bytes / 1024 ** 2) * 1024 ** 2
}

/** Bytes for people: `1 GiB`, `1.5 TiB`, `512 B`. */
export function formatSize(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < names.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = Number.isInteger(value) ? value.toString() : value.toFixed(value < 10 ? 2 : 1).replace(/\.?0+$/, '')
  return `${digits} ${names[unit] ?? ''}`
}

function badSize(text: string, why: string): AcsError {
  return new AcsError('usage', 'EACSSIZE', `"${printable(text)}" is not a usable size: ${why}`, {
    hints: ['Sizes look like 512M, 20G or 1.5T (powers of 1024)'],
  })
}
