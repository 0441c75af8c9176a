import { expect, test } from 'vitest'
import { connectionFlagsIn } from '../../../../src/lib/cli/completion/live-names.js'

test.each<[string, Record<string, string>]>([
  ['volume show --context lab', { context: 'lab' }],
  ['volume show --context=lab --username=admin', { context: 'lab', username: 'admin' }],
  ['volume show --password-stdin', {}],
  ['volume show', {}],
])('%s', (line, flags) => {
  expect(connectionFlagsIn(line.split(' '))).toEqual(flags)
})
