import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { documentText, machineFormat } from '../../../../src/lib/cli/output/document.js'

test.each<[string[], Record<string, string>, string | undefined]>([
  [['--json'], {}, 'json'],
  [['-o', 'json'], {}, 'json'],
  [['-ojson'], {}, 'json'],
  [['-o=yaml'], {}, 'yaml'],
  [['--output=yaml', 'x'], {}, 'yaml'],
  [['--output', 'table'], { ACS_OUTPUT: 'json' }, undefined],
  [[], { ACS_OUTPUT: 'json' }, 'json'],
  [['--', '--json'], {}, undefined],
  [['--output'], {}, undefined],
  [['--output', 'name', '--json'], {}, 'json'],
])('%j with %j asks for %s', (argv, environment, format) => {
  expect(machineFormat(argv, environment)).toBe(format)
})

test('JSON and YAML say the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      const document = { result: value, warnings: [] }
      const json: unknown = JSON.parse(await documentText(document, 'json'))
      expect(parse(await documentText(document, 'yaml'))).toEqual(json)
    }),
  )
})
