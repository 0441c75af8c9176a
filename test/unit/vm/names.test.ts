import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isGlob, matchesGlob } from '../../../src/lib/vm/glob.js'
import { expandNames, matchNames, mostNames } from '../../../src/lib/vm/names.js'

const uuid = (number: number): string => `0006411c-0286-bc71-9f02-${number.toString(16).padStart(12, '0')}`
const vm = (name: string, number: number): { name: string; uuid: string } => ({ name, uuid: uuid(number) })
const namesOf = (vms: readonly { name: string }[]): string[] => vms.map(({ name }) => name)

describe('names of machines to be made', () => {
  it.each([
    ['web', ['web']],
    ['web server', ['web server']],
    ['web[1..3]', ['web1', 'web2', 'web3']],
    ['web[8..11]', ['web8', 'web9', 'web10', 'web11']],
    ['web[08..11]', ['web08', 'web09', 'web10', 'web11']],
    ['web[9..010]', ['web009', 'web010']],
    ['web[0..1]', ['web0', 'web1']],
    ['[1..2]-[01..02].x', ['1-01.x', '1-02.x', '2-01.x', '2-02.x']],
    ['web[5..5]', ['web5']],
  ])('%s', (pattern, names) => {
    expect(expandNames(pattern)).toEqual(names)
  })

  it.each([
    ['', 'it is empty'],
    ['web[3..1]', 'runs backwards'],
    ['web*', 'stand for other letters'],
    ['web?', 'stand for other letters'],
    ['web[1-3]', 'stand for other letters'],
    ['web[a..c]', 'stand for other letters'],
    ['web[1..]', 'stand for other letters'],
    ['web[1..1001]', 'more than 1,000 names'],
    ['web[1..99999999999999999999]', 'more than 1,000 names'],
    ['web[1..40][1..40]', 'more than 1,000 names'],
    ['a[1..11][1..11]', 'it makes "a111" twice'],
    [' web', 'begins or ends with a blank'],
    ['a\u202eb', 'cannot be shown'],
    ['x'.repeat(300), '300 characters'],
    [uuid(1), 'looks like a UUID'],
  ])('%s is refused', (pattern, why) => {
    expect(() => expandNames(pattern)).toThrow(
      expect.objectContaining({
        code: 'EACSNAME',
        kind: 'usage',
        message: expect.stringContaining(why) as string,
      }) as Error,
    )
  })

  it('count up by one, all of one width where an end has a zero in front', () => {
    const ranges = fc.tuple(
      fc.nat({ max: 5000 }),
      fc.integer({ min: 0, max: mostNames - 1 }),
      fc.integer({ min: 0, max: 6 }),
    )
    fc.assert(
      fc.property(ranges, ([low, more, width]) => {
        const from = String(low).padStart(width, '0')
        const names = expandNames(`web[${from}..${low + more}]`)
        expect(names.map((name) => Number(name.slice(3)))).toEqual(
          Array.from({ length: more + 1 }, (_, step) => low + step),
        )
        if (from.length > 1 && from.startsWith('0')) expect(new Set(names.map(({ length }) => length)).size).toBe(1)
        else expect(names).toEqual(names.map((name) => `web${Number(name.slice(3))}`))
      }),
    )
  })

  it('are never two of one name, whatever the pattern', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 30 })).map(([from, to]) => `[${from}..${to}]`),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
        try {
          const names = expandNames(parts.join(''))
          expect(new Set(names).size).toBe(names.length)
          expect(names.length).toBeLessThanOrEqual(mostNames)
        } catch (error) {
          expect(error).toMatchObject({ code: 'EACSNAME' })
        }
      }),
    )
  })
})

describe('names of machines that are there', () => {
  const vms = [
    vm('web01', 1),
    vm('web02', 2),
    vm('web10', 3),
    vm('db', 4),
    vm('twin', 5),
    vm('twin', 6),
    vm('odd[1]*', 7),
  ]

  it.each([
    [['db'], ['db']],
    [['web*'], ['web01', 'web02', 'web10']],
    [['web0?'], ['web01', 'web02']],
    [['web[01..02]'], ['web01', 'web02']],
    [['web[0-9]2'], ['web02']],
    [['web[01..01]*'], ['web01']],
    [
      ['db', 'web*', 'db', 'web01'],
      ['db', 'web01', 'web02', 'web10'],
    ],
    [['odd[1]*'], ['odd[1]*']],
    [['twi*'], ['twin', 'twin']],
    [[uuid(6)], ['twin']],
    [[uuid(4).toUpperCase()], ['db']],
    [['*'], ['web01', 'web02', 'web10', 'db', 'twin', 'twin', 'odd[1]*']],
    [[], []],
  ])('%j', (patterns, names) => {
    expect(namesOf(matchNames(patterns, vms))).toEqual(names)
  })

  it('are looked for by UUID before name', () => {
    const named = vm(uuid(1), 9)
    expect(matchNames([uuid(1)], [named, ...vms])).toEqual([vms[0]])
    expect(matchNames([uuid(1)], [named])).toEqual([named])
  })

  it.each([
    ['web1', 'there is no VM "web1"', 'Did you mean web01?'],
    ['wob*', 'no VM matches "wob*"', 'See all VMs: acs vm list'],
    ['web[01..04]', 'of "web[01..04]" there is no web03, web04', 'See all'],
    ['x[1..40]', 'there is no x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, 30 more', 'See all'],
    [uuid(99), `there is no VM "${uuid(99)}"`, 'See all'],
  ])('%s is not found', (pattern, message, hint) => {
    expect(() => matchNames(['db', pattern], vms)).toThrow(
      expect.objectContaining({
        code: 'EACSNOTFOUND',
        kind: 'not-found',
        message: expect.stringContaining(message) as string,
        hints: expect.arrayContaining([expect.stringContaining(hint)]) as string[],
      }) as Error,
    )
  })

  it('need a UUID where several have one', () => {
    expect(() => matchNames(['twin'], vms)).toThrow(
      expect.objectContaining({
        code: 'EACSAMBIGUOUS',
        kind: 'conflict',
        details: { name: 'twin', uuids: [uuid(5), uuid(6)] },
      }) as Error,
    )
  })

  it('are found again by the pattern that made them', () => {
    fc.assert(
      fc.property(fc.nat({ max: 200 }), fc.nat({ max: 50 }), fc.boolean(), (low, more, zeros) => {
        const pattern = `n[${zeros ? `0${low}` : low}..${low + more}]-x`
        const made = expandNames(pattern).map((name, number) => vm(name, number))
        expect(matchNames([pattern], [...made].reverse())).toEqual(made)
        expect(matchNames(['n*-x'], made)).toEqual(made)
      }),
    )
  })
})

describe('a glob', () => {
  it.each([
    ['a*c', 'abbc', true],
    ['a*c', 'abbd', false],
    ['*a*b*', 'xxaxxbxx', true],
    ['a?c', 'ac', false],
    ['[!a-c]x', 'dx', true],
    ['[!a-c]x', 'bx', false],
    ['[abc-]', '-', true],
    ['a[', 'a[', true],
    ['a.c', 'abc', false],
    ['?', '\u{1F600}', true],
    ['', '', true],
    ['*', '', true],
    ['a*', 'A', false],
  ])('%s and %s: %s', (pattern, text, fits) => {
    expect(matchesGlob(pattern, text)).toBe(fits)
  })

  it('without special letters fits itself and nothing else', () => {
    const plain = fc.string({ unit: fc.constantFrom('a', 'b', '.', '+', '(', '\\', '^', '$') })
    fc.assert(
      fc.property(plain, plain, (pattern, text) => {
        expect(isGlob(pattern)).toBe(false)
        expect(matchesGlob(pattern, text)).toBe(pattern === text)
      }),
    )
  })

  it('does what the regular expression of the same meaning does', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 })
    fc.assert(
      fc.property(letters, text, (pattern, candidate) => {
        const same = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
        expect(matchesGlob(pattern, candidate)).toBe(same.test(candidate))
      }),
    )
  })

  it('takes no time for a pattern made to take some', () => {
    const started = performance.now()
    expect(matchesGlob('*a'.repeat(100) + 'b', 'a'.repeat(5000))).toBe(false)
    expect(performance.now() - started).toBeLessThan(2000)
  })
})
