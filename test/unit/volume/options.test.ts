import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { optionsHelp } from '../../../src/lib/volume/options-help.js'
import {
  asksForHelp,
  optionDefinitions,
  parseOptions,
  sourceOf,
  type VolumeOptions,
} from '../../../src/lib/volume/options.js'

const parse = (options: Record<string, string | number | boolean>): VolumeOptions =>
  parseOptions(Object.entries(options))
const refused = (options: Record<string, string>): AcsError => {
  try {
    parse(options)
  } catch (error) {
    if (error instanceof AcsError) return error
    throw error
  }
  throw new Error(`taken: ${JSON.stringify(options)}`)
}

/** A good value of every option, as text and as it is read. */
const values: Record<string, fc.Arbitrary<[text: string, read: unknown]>> = {
  size: fc.integer({ min: 1, max: 4096 }).map((n) => [`${n}G`, n * 1024 ** 3]),
  sizeMb: fc.integer({ min: 1, max: 64 * 1024 ** 2 }).map((n) => [`${n}`, n * 1024 ** 2]),
  'read-only': fc.constantFrom(['', true], ['true', true], ['No', false], ['0', false]),
  flash: fc.constantFrom(['on', true], ['FALSE', false]),
  chap: fc.constantFrom(['yes', true], ['off', false]),
  fs: fc.constantFrom(['ext4', 'ext4'], ['XFS', 'xfs'], ['btrfs', 'btrfs']),
  'on-remove': fc.constantFrom(['retain', 'retain'], ['Trash', 'trash'], ['delete', 'delete']),
  uid: fc.integer({ min: 0, max: 0xffff_fffe }).map((n) => [`${n}`, n]),
  gid: fc.integer({ min: 0, max: 0xffff_fffe }).map((n) => [`${n}`, n]),
  mode: fc.constantFrom(['0755', '0755'], ['700', '0700'], ['2770', '2770']),
  'mount-options': fc.constantFrom(['noatime', 'noatime'], ['noatime,discard', 'noatime discard']),
  'mkfs-options': fc.constantFrom(['-m 0', '-m 0']),
  description: fc.string().map((text) => [text, text]),
  container: fc.constantFrom(['gold', 'gold']),
  from: fc.constantFrom(['db', 'db']),
  'from-snapshot': fc.constantFrom(['db@monday', 'db@monday']),
  profile: fc.constantFrom(['fast', 'fast']),
}
const one = fc
  .constantFrom(...optionDefinitions)
  .chain((definition) => values[definition.name]!.map(([text, read]) => ({ definition, text, read })))
/** Another way to write the same key. */
const spelling = (name: string): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }), fc.constantFrom('-', '_', ''))
    .map(([upper, dash]) =>
      Array.from(name)
        .map((letter, index) => (letter === '-' ? dash : upper[index] ? letter.toUpperCase() : letter.toLowerCase()))
        .join(''),
    )

describe('options of a volume', () => {
  it('are all tried here', () => {
    expect(Object.keys(values).sort()).toEqual(optionDefinitions.map(({ name }) => name).sort())
  })

  it('mean the same in every spelling of theirs', () => {
    const written = one.chain(({ definition, text, read }) =>
      fc
        .constantFrom(definition.name, ...(definition.aliases ?? []))
        .chain(spelling)
        .map((key) => ({ key, text, expected: { [definition.key]: read } })),
    )
    fc.assert(
      fc.property(written, ({ key, text, expected }) => {
        expect(parse({ [key]: text })).toEqual(expected)
      }),
    )
  })

  it('come together, in any order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(one, { selector: ({ definition }) => definition.key }), (some) => {
        const expected = Object.fromEntries(some.map(({ definition, read }) => [definition.key, read]))
        const pairs = some.map(({ definition, text }) => [definition.name, text] as const)
        expect(parseOptions(pairs)).toEqual(expected)
        expect(parseOptions([...pairs].reverse())).toEqual(expected)
      }),
    )
  })

  it('given twice are fine when they say the same, and refused when they do not', () => {
    fc.assert(
      fc.property(one, one, (first, second) => {
        const pairs = [first, second].map(({ definition, text }) => [definition.name, text] as const)
        const contradict = first.definition.key === second.definition.key && first.read !== second.read
        if (contradict) expect(() => parseOptions(pairs)).toThrow(/contradicts/)
        else expect(() => parseOptions(pairs)).not.toThrow()
      }),
    )
    expect(refused({ size: '10G', sizeMb: '10' })).toMatchObject({ kind: 'usage', code: 'EACSDRIVEROPTION' })
    expect(parse({ size: '10G', sizeMb: '10240' })).toEqual({ sizeBytes: 10 * 1024 ** 3 })
    expect(parse({ fs: 'xfs', fstype: 'XFS' })).toEqual({ filesystem: 'xfs' })
  })

  it('never throw anything but an error for people, whatever is given', () => {
    const anything = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom(...optionDefinitions.map(({ name }) => name)), fc.constant('__proto__')),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(anything, (options) => {
        try {
          parse(options)
        } catch (error) {
          expect(error).toBeInstanceOf(AcsError)
          expect((error as AcsError).kind).toBe('usage')
          // eslint-disable-next-line no-control-regex
          expect((error as AcsError).message).not.toMatch(/[\0-\x1f]/)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('that are unknown are refused with all there are, their defaults, and the one that was meant', () => {
    const error = refused({ sise: '20G' })
    expect(error.message).toMatch(/^there is no option "sise", did you mean "size"\? There are: size \(default 10G\), /)
    for (const { name } of optionDefinitions) expect(error.message).toContain(name)
    expect(refused({ onremove2: 'x' }).message).toContain('did you mean "on-remove"?')
    expect(refused({ qqqqqqqq: 'x' }).message).not.toContain('did you mean')
  })

  it.each([
    ['size', '20'],
    ['size', '1048575'],
    ['size', '-1G'],
    ['size', '65T'],
    ['sizeMb', '10G'],
    ['sizeMb', '0'],
    ['fs', 'ntfs'],
    ['uid', '-1'],
    ['uid', '4294967295'],
    ['uid', 'root'],
    ['mode', '888'],
    ['flash', 'maybe'],
    ['on-remove', 'shred'],
    ['mkfs-options', '-F'],
    ['mount-options', 'noatime\u0007'],
    ['container', ' '],
  ])('%s=%s is refused', (key, value) => {
    const error = refused({ [key]: value })
    expect(error.message).toContain(`the value of "${key}"`)
    expect(error.hints[0]).toContain(`${key}=`)
  })

  it('take a plain number for bytes, where that can be meant', () => {
    expect(parse({ size: '1073741824' })).toEqual({ sizeBytes: 1024 ** 3 })
    expect(refused({ size: '20' }).hints).toContain('For example size=20G')
  })

  it('name one source', () => {
    expect(sourceOf({})).toBeUndefined()
    expect(sourceOf({ from: 'db' })).toBe('db')
    expect(sourceOf({ fromSnapshot: 'db@one' })).toBe('db@one')
    expect(sourceOf({ from: 'db', fromSnapshot: 'one' })).toBe('db@one')
    expect(sourceOf({ from: 'db', fromSnapshot: 'db@one' })).toBe('db@one')
    expect(() => sourceOf({ fromSnapshot: 'one' })).toThrow(/of which volume/)
    expect(() => sourceOf({ from: 'web', fromSnapshot: 'db@one' })).toThrow(/not one of volume "web"/)
  })
})

describe('-o help', () => {
  it('is an error with every option, its default here, and the profiles', () => {
    expect(asksForHelp([['HELP', '']])).toBe(true)
    expect(asksForHelp([['size', 'help']])).toBe(false)
    const { message, code } = optionsHelp({
      defaults: { size: '20G', fs: 'xfs' },
      enforce: { container: 'gold' },
      profiles: { fast: {}, archive: {} },
    })
    expect(code).toBe('EACSHELP')
    const lines = message.split('\n')
    for (const { name } of optionDefinitions)
      expect(lines.filter((line) => line.startsWith(`  ${name}=`))).toHaveLength(1)
    expect(message).toMatch(/size=SIZE +.*\(default 20 GiB\)/)
    expect(message).toMatch(/fs=ext4\|xfs\|btrfs +filesystem \(default xfs\); also fstype/)
    expect(message).toMatch(/container=NAME +.*\(always gold here\)/)
    expect(message).toContain('Profiles on this host: archive, fast')
  })
})
