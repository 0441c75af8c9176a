import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { canonicalName, splitInlineName } from '../../../src/lib/volume/inline-name.js'

const word = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,20}$/)
const value = fc.string({ maxLength: 30 }).filter((text) => !text.includes(','))

describe('a name with options in it', () => {
  it('is taken apart as it was put together', () => {
    fc.assert(
      fc.property(word, fc.array(fc.tuple(word, value), { maxLength: 5 }), (name, options) => {
        const spelled = [name, ...options.map(([key, text]) => `${key}=${text}`)].join(',')
        expect(splitInlineName(spelled)).toEqual({ name, options })
        expect(canonicalName(spelled)).toBe(name)
      }),
    )
  })

  it('is itself when there is no comma, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !text.includes(',')),
        (name) => {
          expect(splitInlineName(name)).toEqual({ name, options: [] })
        },
      ),
    )
  })

  it('never throws anything but an error for people', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z,= \n]{0,30}$/), (spelled) => {
        try {
          expect(splitInlineName(spelled).name).toBe(spelled.split(',')[0])
        } catch (error) {
          expect(error).toBeInstanceOf(AcsError)
        }
      }),
    )
  })

  it.each([
    [
      'db,size=20G,fs=xfs',
      'db',
      [
        ['size', '20G'],
        ['fs', 'xfs'],
      ],
    ],
    ['db,read-only', 'db', [['read-only', '']]],
    ['db,mkfs-options=-m a=b', 'db', [['mkfs-options', '-m a=b']]],
    ['db, size=1G', 'db', [['size', '1G']]],
    ['', '', []],
    [',size=1G', '', [['size', '1G']]],
  ])('%s', (spelled, name, options) => {
    expect(splitInlineName(spelled)).toEqual({ name, options })
  })

  it.each(['db,', 'db,,size=1G', 'db,=x', 'db, =x'])('%s is refused', (spelled) => {
    expect(() => splitInlineName(spelled)).toThrow(/is empty/)
    expect(canonicalName(spelled)).toBe('db')
  })
})
