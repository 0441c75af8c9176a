import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatSize, maxVolumeBytes, parseSize, parseVolumeSize } from '../../../src/lib/base/sizes.js'

const mebibyte = 1024 ** 2

describe('parseSize', () => {
  it.each([
    ['1', 1],
    ['512M', 512 * mebibyte],
    ['20G', 20 * 1024 ** 3],
    ['20GiB', 20 * 1024 ** 3],
    ['20gb', 20 * 1024 ** 3],
    ['1.5T', 1.5 * 1024 ** 4],
    [' 7k ', 7168],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  it.each(['', '10X', '-1', 'G', '1e3', '1 0G', '0x10', 'NaN', '99999999999P', '1G\n2'])('refuses %j', (text) => {
    expect(() => parseSize(text)).toThrow(expect.objectContaining({ code: 'EACSSIZE', kind: 'usage' }))
  })
})

describe('parseVolumeSize', () => {
  it.each(['0', '0G', '65T', '64.1T'])('refuses %s', (text) => {
    expect(() => parseVolumeSize(text)).toThrow(expect.objectContaining({ code: 'EACSSIZE' }))
  })

  it('takes the whole range and rounds up to MiB', () => {
    expect(parseVolumeSize('64T')).toBe(maxVolumeBytes)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: maxVolumeBytes }), (bytes) => {
        const rounded = parseVolumeSize(String(bytes))
        expect(rounded % mebibyte).toBe(0)
        expect(rounded - bytes).toBeGreaterThanOrEqual(0)
        expect(rounded - bytes).toBeLessThan(mebibyte)
      }),
    )
  })
})

describe('formatSize', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1.5 * 1024 ** 4, '1.5 TiB'],
    [20 * 1024 ** 3, '20 GiB'],
    [10.25 * 1024 ** 2, '10.3 MiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text)
  })

  it('comes back within its own precision', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: maxVolumeBytes }), (bytes) => {
        const back = parseSize(formatSize(bytes).replace(' ', ''))
        expect(Math.abs(back - bytes) / bytes).toBeLessThan(0.01)
      }),
    )
  })
})
