import { expect, test } from 'vitest'
import { colorsOn } from '../../../src/lib/cli/terminal.js'

const screen = { isTTY: true }
const pipe = {}

test.each<[string, boolean, [{ isTTY?: boolean }, Record<string, string>, string[]]]>([
  ['a terminal', true, [screen, {}, []]],
  ['a pipe', false, [pipe, {}, []]],
  ['NO_COLOR', false, [screen, { NO_COLOR: '1' }, []]],
  ['an empty NO_COLOR', true, [screen, { NO_COLOR: '' }, []]],
  ['TERM=dumb', false, [screen, { TERM: 'dumb' }, []]],
  ['--no-color', false, [screen, { FORCE_COLOR: '1' }, ['--no-color']]],
  ['FORCE_COLOR on a pipe', true, [pipe, { FORCE_COLOR: '1' }, []]],
  ['FORCE_COLOR=0', false, [pipe, { FORCE_COLOR: '0' }, []]],
])('%s: colours %s', (_name, expected, [stream, environment, argv]) => {
  expect(colorsOn(stream, environment, argv)).toBe(expected)
})
