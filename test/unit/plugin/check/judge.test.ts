import { describe, expect, test } from 'vitest'
import { errOf, fieldOf, refused, succeeded, type Exchange } from '../../../../src/lib/plugin/check/exchange.js'
import { listed, mountedAt, statusFault, timeFault, volumeIn } from '../../../../src/lib/plugin/check/judge.js'

const answer = (status: number | null, document: unknown): Exchange => ({
  call: 'VolumeDriver.Get',
  method: 'POST',
  request: '',
  status,
  headers: {},
  body: typeof document === 'string' ? document : JSON.stringify(document),
  keepsAlive: true,
  ms: 1,
  ...(status === null ? { lost: { kind: 'closed', text: 'the connection was closed' } as const } : {}),
})

describe('a time for Go', () => {
  test.each([
    '2026-01-02T03:04:05Z',
    '2026-01-02T03:04:05.123456789Z',
    '2026-01-02T03:04:05+02:00',
    '0001-01-01T00:00:00Z',
    '2024-02-29T23:59:59-00:30',
    null,
    undefined,
  ])('%j can be read', (time) => {
    expect(timeFault(time)).toBeUndefined()
  })

  test.each([
    '',
    '2026-01-02',
    '2026-01-02 03:04:05',
    '2026-01-02T03:04:05',
    '2026-01-02T03:04Z',
    '2026-1-2T03:04:05Z',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-02T24:00:00Z',
    '2026-01-02T03:04:60Z',
    '2026-01-02T03:04:05+24:00',
    '2026-01-02T03:04:05z',
    'Fri Jan  2 03:04:05 UTC 2026',
    1767323045,
    {},
  ])('%j cannot', (time) => {
    expect(timeFault(time)).toBeTypeOf('string')
  })
})

test('a Status is an object, or nothing', () => {
  expect([{}, { a: 1 }, null, undefined].map(statusFault)).toEqual([undefined, undefined, undefined, undefined])
  expect([[], '', 'mounted', 0, true].filter((value) => statusFault(value) === undefined)).toEqual([])
})

test('fields are found whatever their case, the exact one first', () => {
  expect(fieldOf({ err: 'a', Err: 'b' }, 'Err')).toBe('b')
  expect(fieldOf({ ERR: 'a' }, 'Err')).toBe('a')
  expect([fieldOf([], 'length'), fieldOf(null, 'Err'), fieldOf('text', 'Err'), fieldOf({}, 'toString')]).toEqual(
    Array(4).fill(undefined),
  )
})

describe('an answer is success, an error or none', () => {
  test.each([
    [answer(200, {}), true, false],
    [answer(200, { Err: '' }), true, false],
    [answer(200, 'OK'), true, false],
    [answer(200, { Err: 'no' }), false, true],
    [answer(200, { err: 'no' }), false, true],
    [answer(500, { Err: 'no' }), false, true],
    [answer(404, 'not found'), false, true],
    [answer(204, ''), false, true],
    [answer(null, ''), false, false],
  ])('%j', (exchange, success, error) => {
    expect([succeeded(exchange), refused(exchange)]).toEqual([success, error])
  })

  test('with the words of an error', () => {
    expect([errOf(answer(500, { Err: 'no' })), errOf(answer(500, 'no')), errOf(answer(500, { Err: 5 }))]).toEqual([
      'no',
      undefined,
      undefined,
    ])
  })
})

describe('a volume', () => {
  test('is found, or not', () => {
    expect(volumeIn(answer(200, { Volume: { Name: 'a' } }))).toEqual({ Name: 'a' })
    for (const exchange of [
      answer(200, { Volume: null }),
      answer(200, {}),
      answer(500, { Err: 'no' }),
      answer(200, 'text'),
    ])
      expect(volumeIn(exchange)).toBeNull()
    expect(() => volumeIn(answer(null, ''))).toThrow('Get got no answer')
  })

  test('is in a list, which may be null', () => {
    expect(listed(answer(200, { Volumes: [{ Name: 'a' }, { Name: 'b' }, null, 5, { Name: 'a' }] }), 'a')).toHaveLength(
      2,
    )
    expect(listed(answer(200, { Volumes: null }), 'a')).toEqual([])
    expect(() => listed(answer(200, { Volumes: {} }), 'a')).toThrow('no list')
  })

  test('is mounted at an absolute path', () => {
    expect(mountedAt(answer(200, { Mountpoint: '/mnt/a' }))).toBe('/mnt/a')
    for (const document of [{ Mountpoint: 'mnt/a' }, { Mountpoint: '' }, {}, 'OK', { Mountpoint: 5 }])
      expect(() => mountedAt(answer(200, document))).toThrow('no absolute path')
  })
})
