import widthOf from 'string-width'
import { describe, expect, it } from 'vitest'
import { sortKeys, sortVolumes } from '../../../../src/lib/cli/top/columns.js'
import { renderFrame, type FrameTools, type FrameView } from '../../../../src/lib/cli/top/frame.js'
import { keysIn } from '../../../../src/lib/cli/top/screen.js'
import { activity, rates, volume } from './activities.js'

const plain: FrameTools = { widthOf, paint: (_name, text) => text }
const wide: FrameView = { width: Infinity, height: Infinity, sort: 'name', reversed: false, offset: 0 }
const lines = (of: Parameters<typeof renderFrame>[0], view: Partial<FrameView> = {}): string[] =>
  renderFrame(of, { ...wide, ...view }, plain).lines
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => volume({ name: `v${String(index).padStart(3, '0')}` }))

describe('a frame', () => {
  it('shows the plugin, the sums and each volume', () => {
    const seen = activity({
      volumes: [
        volume({ rates: rates({ readBytesPerSecond: 1024 ** 2, readsPerSecond: 16, latencyMs: 0.42, busy: 0.5 }) }),
        volume({
          name: 'logs',
          state: 'lingering',
          lingersUntil: '2026-01-02T03:04:12.000Z',
          containers: [],
          rates: null,
          usedShare: null,
        }),
      ],
    })
    expect(lines(seen).slice(1)).toEqual([
      'plugin nutanix ready, acs 1.2.3, pid 42, started 2h ago',
      'cluster prism:9440 reachable, heard 3s ago; 5000 volumes known, list read 12s ago',
      'calls 2.5/s, 0 at work, 1 failed; disks read 1 MiB/s, write 0/s, 16 IOPS',
      '',
      'NAME  CONTAINERS  STATE           SIZE  USED    READ/S   WRITE/S   IOPS  LATENCY  BUSY  MOUNT POINT  DEVICE',
      'db    postgres    mounted       20 GiB    5%     1 MiB         0     16   0.4 ms   50%  /mnt/acs/db  /dev/sdb',
      'logs  -           lingers 7s    20 GiB     -         -         -      -        -     -  /mnt/acs/db  /dev/sdb',
    ])
    expect(lines(seen)[0]).toMatch(/^acs top - host1 {2}\d\d:\d\d:\d\d {2}2 volumes in use$/)
  })

  it('says so when there is no plugin and no volume', () => {
    expect(lines(activity({ plugin: null, volumes: [] }))).toEqual([
      expect.stringContaining('0 volumes in use'),
      'no volume plugin runs here; shown is what is attached',
      'disks read 0/s, write 0/s, 0 IOPS',
      '',
      expect.stringMatching(/^NAME/),
      'no volume is in use here',
    ])
  })

  it('tells of calls at work with their age, and of what is wrong', () => {
    const calls = Array.from({ length: 10 }, (_, index) => ({
      call: 'Mount',
      volume: `v${index}`,
      step: index === 0 ? 'mount' : null,
      since: '2026-01-02T03:03:53.000Z',
    }))
    const seen = lines(activity({ calls, problems: ['db was lost'] }), { stale: 'no answer' })
    expect(seen).toContain('! db was lost')
    expect(seen).toContain('! no answer')
    expect(seen).toContain('Mount        v0                   12.0 s, at mount')
    expect(seen.at(-1)).toBe('and 2 more calls')
  })

  it('names what a person must look at', () => {
    const state = (change: Parameters<typeof volume>[0]): string =>
      lines(activity({ volumes: [volume(change)] })).at(-1) ?? ''
    expect(state({ state: 'lost' })).toContain(' lost ')
    expect(state({ session: 'down' })).toContain(' no session ')
    expect(state({ session: 'gone' })).toContain(' disk gone ')
  })

  it.each([
    [80, 24],
    [80, 10],
    [40, 8],
    [20, 5],
    [200, 60],
    [1, 1],
  ])('fits %i by %i', (width, height) => {
    const seen = activity({
      volumes: many(100),
      problems: ['a'.repeat(300)],
      calls: [{ call: 'Mount', volume: 'x', step: null, since: '2026-01-02T03:04:05.000Z' }],
    })
    const frame = lines(seen, { width, height, footer: 'q quit' })
    expect(frame.length).toBeLessThanOrEqual(height)
    for (const line of frame) expect(widthOf(line)).toBeLessThanOrEqual(width)
  })

  it('shows name, state and rates on 80 columns', () => {
    const header = lines(activity({ volumes: many(3) }), { width: 80, height: 24, footer: 'q quit' }).find((line) =>
      line.startsWith('NAME'),
    )
    for (const word of ['NAME*', 'CONTAINERS', 'STATE', 'USED', 'READ/S', 'WRITE/S', 'IOPS', 'LATENCY'])
      expect(header).toContain(word)
  })

  it('scrolls, as far as there is something to see, and its columns stay', () => {
    const seen = activity({ volumes: many(50) })
    const view = { width: 80, height: 16, footer: 'q quit' }
    const { visible } = renderFrame(seen, { ...wide, ...view }, plain)
    const first = lines(seen, view)
    const last = lines(seen, { ...view, offset: 10_000 })
    expect(first.filter((line) => /^v\d/.test(line)).map((line) => line.slice(0, 4))).toEqual(
      Array.from({ length: visible }, (_, index) => `v${String(index).padStart(3, '0')}`),
    )
    expect(last.findLast((line) => /^v\d/.test(line))?.slice(0, 4)).toBe('v049')
    expect(first.find((line) => line.startsWith('NAME'))).toBe(last.find((line) => line.startsWith('NAME')))
  })

  it('lets no name drive the terminal', () => {
    const evil = '\u001B[2Jdb\r\n\u009B31m'
    const text = lines(
      activity({
        hostName: evil,
        problems: [evil],
        volumes: [volume({ name: evil, containers: [evil], mountPoint: evil })],
        calls: [{ call: evil, volume: evil, step: evil, since: evil }],
      }),
    ).join('\n')
    // eslint-disable-next-line no-control-regex -- that is what is looked for
    expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/)
  })

  it('paints what is wrong red, what rests dim, and the rest not at all', () => {
    const painted: string[] = []
    const volumes = [
      volume({ name: 'a', state: 'lost' }),
      volume({ name: 'b' }),
      volume({ name: 'c', state: 'lingering' }),
    ]
    renderFrame(activity({ volumes, problems: ['x'] }), wide, {
      widthOf,
      paint: (name, text) => {
        painted.push(`${name} ${text.slice(0, 3)}`)
        return text
      },
    })
    expect(painted.sort()).toEqual(['bold NAM', 'bold acs', 'dim c  ', 'red ! x', 'red a  '])
  })
})

describe('the order', () => {
  const some = [
    volume({ name: 'a', usedShare: 0.1, rates: rates({ writtenBytesPerSecond: 5 }) }),
    volume({ name: 'b', usedShare: null, rates: null }),
    volume({ name: 'c', usedShare: 0.9, rates: rates({ writtenBytesPerSecond: 50 }) }),
  ]
  const order = (key: string, reversed = false): string =>
    sortVolumes(some, key, reversed)
      .map(({ name }) => name)
      .join('')

  it('is names from the first, numbers from the largest, the unknown last', () => {
    expect(order('name')).toBe('abc')
    expect(order('name', true)).toBe('cba')
    expect(order('write')).toBe('cab')
    expect(order('write', true)).toBe('acb')
    expect(order('used')).toBe('cab')
  })

  it('is there for every column', () => {
    for (const key of sortKeys) expect(order(key)).toHaveLength(3)
  })
})

describe('keys', () => {
  it('are told apart when they come together', () => {
    expect(keysIn('\u001B[A\u001B[B\u001BOAq')).toEqual(['up', 'down', 'up', 'q'])
    expect(keysIn('\u0003')).toEqual(['ctrl-c'])
    expect(keysIn('\u001B[5~\u001B[6~\u001B')).toEqual(['page-up', 'page-down', 'escape'])
    expect(keysIn('wü数')).toEqual(['w', 'ü', '数'])
    expect(keysIn('\u001B[1;5C')).toEqual(['\u001B[1;5C'])
  })
})
