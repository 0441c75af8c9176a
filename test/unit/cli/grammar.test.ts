import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findNamed } from '../../../src/lib/cli/grammar.js'

const commands = new Set([
  'volume:list',
  'volume:delete',
  'volume:snapshot:list',
  'context:remove',
  'container:list',
  'help',
])

describe('findNamed', () => {
  test.each<[string, string[], string, string[]]>([
    ['volume list', ['volume', 'list'], 'command', []],
    ['vg ls -q', ['volume', 'list'], 'command', ['-q']],
    ['ctr ls', ['container', 'list'], 'command', []],
    ['volume rm web', ['volume', 'delete'], 'command', ['web']],
    ['context rm lab', ['context', 'remove'], 'command', ['lab']],
    ['volume snapshot ls', ['volume', 'snapshot', 'list'], 'command', []],
    ['volume', ['volume'], 'topic', []],
    ['volume snapshot --json', ['volume', 'snapshot'], 'topic', ['--json']],
    ['volume lsit --json', ['volume', 'lsit'], 'unknown', ['--json']],
    ['volmue list', ['volmue'], 'unknown', ['list']],
    ['help volume list', ['help'], 'command', ['volume', 'list']],
    ['--json volume list', [], 'unknown', ['--json', 'volume', 'list']],
  ])('%s', (line, words, kind, rest) => {
    expect(findNamed(line.split(' '), commands)).toEqual({ words, kind, rest })
  })

  test('an argument is never taken for an alias', () => {
    expect(findNamed(['volume', 'delete', 'ls'], commands).rest).toEqual(['ls'])
    expect(findNamed(['volume', 'delete', 'list'], commands).rest).toEqual(['list'])
    expect(findNamed(['volume', 'delete', 'valueOf'], commands).rest).toEqual(['valueOf'])
    expect(findNamed(['constructor'], commands).kind).toBe('unknown')
  })

  test('whatever follows a command comes out unchanged', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (rest) => {
        expect(findNamed(['volume', 'list', ...rest], commands)).toEqual({
          words: ['volume', 'list'],
          kind: 'command',
          rest,
        })
      }),
    )
  })
})
