import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isAcsError } from '../../../src/lib/base/errors.js'
import {
  humanText,
  maxDescriptionLength,
  parseDescription,
  roomForUse,
  withHumanText,
  withTrailer,
  type Trailer,
} from '../../../src/lib/volume/trailer.js'

const text = fc.string({ unit: 'grapheme', maxLength: 200 }).filter((value) => !parseDescription(value).trailer)
const trailers: fc.Arbitrary<Trailer> = fc.record(
  {
    v: fc.constant(1),
    fs: fc.constantFrom('ext4' as const, 'xfs' as const),
    fmt: fc.record({ t: fc.string({ maxLength: 20 }) }),
    mo: fc.string({ unit: 'binary', maxLength: 30 }),
    prot: fc.boolean(),
    h: fc.record({ n: fc.string({ maxLength: 20 }), i: fc.string({ maxLength: 20 }), s: fc.string({ maxLength: 20 }) }),
  },
  { requiredKeys: ['v', 'fs'] },
)

describe('the trailer in a description', () => {
  it('comes back as it was written, with the human text before it', () => {
    fc.assert(
      fc.property(text, trailers, (human, trailer) => {
        const parsed = parseDescription(withTrailer(parseDescription(human), trailer))
        expect(parsed.trailer).toEqual(trailer)
        expect(humanText(parsed)).toBe(human)
      }),
    )
  })

  it('leaves every byte around it alone when it is rewritten', () => {
    fc.assert(
      fc.property(text, text, trailers, trailers, (before, after, first, second) => {
        const edited = `${before}\nacs:${JSON.stringify(first)} ${after}`
        fc.pre(parseDescription(edited).trailer !== undefined)
        const rewritten = withTrailer(parseDescription(edited), second)
        expect(rewritten).toBe(`${before}\nacs:${JSON.stringify(second)} ${after}`)
      }),
    )
  })

  it('disappears without a trace when it has nothing to say any more', () => {
    fc.assert(
      fc.property(text, trailers, (human, trailer) => {
        expect(withTrailer(parseDescription(withTrailer(parseDescription(human), trailer)), { v: 1 })).toBe(human)
      }),
    )
  })

  it('never throws on any text, and never invents one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (anything) => {
        const { before, after, trailer } = parseDescription(anything)
        if (!trailer) expect(before + after).toBe(anything)
      }),
    )
  })

  it.each([
    ['the last one counts', 'acs:{"v":1,"fs":"xfs"}\nacs:{"v":1,"fs":"ext4"}', 'ext4'],
    ['a damaged one does not', 'acs:{"v":1,"fs":"xfs"} acs:{"v":1,"fs":', 'xfs'],
    ['one with a wrong type does not', 'acs:{"v":1,"fs":"xfs"} acs:{"v":1,"fs":7}', 'xfs'],
    ['one inside a word does not', 'acs:{"v":1,"fs":"xfs"} notacs:{"v":1,"fs":"ext4"}', 'xfs'],
    ['braces and quotes in strings do not end it', 'acs:{"v":1,"fs":"xfs","mo":"}\\"{"} more', 'xfs'],
    ['none is none', 'a volume by acs: {"v":1}', undefined],
    ['an array is none', 'acs:[1]', undefined],
  ])('%s', (_what, description, fs) => {
    expect(parseDescription(description).trailer?.fs).toBe(fs)
  })

  it('keeps keys it does not know, and a newer minor version', () => {
    const description = 'x\nacs:{"v":1.3,"fs":"xfs","new":{"a":[1]}}'
    const parsed = parseDescription(description)
    expect(withTrailer(parsed, { ...parsed.trailer!, prot: true })).toBe(
      'x\nacs:{"v":1.3,"fs":"xfs","new":{"a":[1]},"prot":true}',
    )
  })

  it('refuses to rewrite one of a newer major version, whatever it looks like', () => {
    const parsed = parseDescription('x\nacs:{"v":2,"fs":["other"]}')
    expect(parsed.trailer).toEqual({ v: 2 })
    expect(() => withTrailer(parsed, { v: 1 })).toThrow(/newer acs/)
    expect(() => withHumanText(parsed, 'y')).toThrow(/newer acs/)
  })

  it('refuses what Prism would not take, before anything changes', () => {
    const long = 'x'.repeat(maxDescriptionLength)
    let thrown: unknown
    try {
      withTrailer(parseDescription(long), { v: 1, fs: 'xfs' })
    } catch (error) {
      thrown = error
    }
    expect(isAcsError(thrown, 'EACSDESCRIPTION') && thrown.kind).toBe('usage')
  })

  it('keeps the room that use needs later free, and not much more', () => {
    const hostName = 'h'.repeat(64)
    const iqn = `iqn.1993-08.org.debian:01:${'i'.repeat(34)}`
    const uuid = '0006411c-0286-bc71-9f02-0123456789ab'
    const now = new Date().toISOString()
    const atRest: Trailer = { v: 1, fs: 'ext4', fmt: { t: `${uuid.slice(0, 8)}-${'f'.repeat(12)}` }, mo: 'noatime' }
    // An IPv6 address in brackets, a port and 22 characters of a certificate: plugin/peer/address.ts.
    const address = `[${'f'.repeat(39)}]:65535#${'A'.repeat(22)}`
    const holder = { n: hostName, i: iqn, b: uuid, a: address, s: now }
    const inUse = { ...atRest, fmt: { ...atRest.fmt!, u: uuid, b: `${hostName}/${uuid}` }, h: holder }
    const asked = { ...inUse, q: { n: hostName, i: iqn, f: 'A'.repeat(22), at: now } }
    const opening = { ...atRest, fmt: undefined, h: holder, rd: `${uuid.slice(0, 8)}-${now}` }
    const inTrash = { ...atRest, del: { g: uuid.slice(0, 8), n: 'n'.repeat(190), at: now, until: now } }
    const length = (trailer: Trailer): number => withTrailer(parseDescription('text'), trailer).length
    expect(iqn).toHaveLength(60)
    expect(length(asked) - length(atRest)).toBeLessThanOrEqual(roomForUse)
    expect(length(asked) - length(atRest)).toBeGreaterThan(roomForUse - 8)
    for (const other of [opening, inTrash]) expect(length(other) - length(atRest)).toBeLessThan(roomForUse)
  })

  it('replaces only the human text', () => {
    const parsed = parseDescription('old\nacs:{"v":1,"fs":"xfs"} tail')
    expect(withHumanText(parsed, 'new')).toBe('new\nacs:{"v":1,"fs":"xfs"}')
    expect(() => withHumanText(parsed, 'acs:{"v":1}')).toThrow(/record of acs/)
  })
})
