import { expect, test, vi } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { printableLines } from '../../../src/lib/base/printable.js'
import { failureOf, failureText } from '../../../src/lib/cli/errors.js'
import { cellText } from '../../../src/lib/cli/output/columns.js'
import { documentText } from '../../../src/lib/cli/output/document.js'
import { createProgress } from '../../../src/lib/cli/progress.js'

/** Sets the window's title, clears the screen, and turns the reading direction: what a name in Prism may hold. */
const evil = 'a\u001B]0;owned\u0007\u009B2J\u202Eb'
// eslint-disable-next-line no-control-regex -- these are what must not come through
const driving = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/

test('an error of Prism does not drive the terminal', () => {
  vi.stubEnv('NO_COLOR', '1')
  const text = failureText(failureOf(new AcsError('failed', 'EACSPRISM', `no ${evil}\nmore`, { hints: [evil] })))
  vi.unstubAllEnvs()
  expect(text).not.toMatch(driving)
  expect(text).toContain('\\u{1b}]0;owned')
  expect(text).toContain('\nmore')
})

test('a cell of a table holds one line and nothing to obey, whoever formatted it', () => {
  const column = { key: 'name', header: 'Name', value: () => `${evil}\n next` }
  expect(cellText(column, {})).not.toMatch(driving)
  expect(cellText({ ...column, format: String }, {})).toBe(cellText(column, {}))
  expect(cellText(column, {})).toMatch(/ next$/)
})

test('progress names tasks as text', () => {
  let written = ''
  const stream = { isTTY: false, write: (text: string) => (written += text) !== '' }
  const progress = createProgress({ silent: false, stream })
  progress.start(evil)
  progress.done()
  expect(written).not.toMatch(driving)
})

test('JSON says the same text without a byte that a terminal obeys', async () => {
  const text = await documentText({ name: evil }, 'json')
  expect(text).not.toMatch(driving)
  expect(JSON.parse(text)).toEqual({ name: evil })
})

test('lines and tabs stay', () => {
  expect(printableLines('a\n\tb\r')).toBe('a\n\tb\\u{d}')
})
