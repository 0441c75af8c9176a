import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { helpTopics } from '../../../src/lib/cli/help-topics.js'
import { projectRoot } from '../cli/project.js'
import { sourceFiles } from './error-codes.js'

/** For tests of crashes, and between acs and its own daemon: no user sets them. */
const notForUsers = ['ACS_TEST_CRASH', 'ACS_CRASH_AT', 'ACS_SIM_READY']
/** Node reads these, or they are named to say that nobody reads them. */
const notOurs = ['NODE_EXTRA_CA_CERTS', 'HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY']

const topic = helpTopics.find(({ name }) => name === 'environment')?.text() ?? ''
const sources = sourceFiles()
  .filter((path) => !path.endsWith('help-topics.ts'))
  .map((path) => readFileSync(join(projectRoot, path), 'utf8'))
  .join('\n')

/** Names by which the sources read variables: our own by their prefix anywhere, others where an environment is asked. */
function variablesRead(): Set<string> {
  const named = sources.match(/\b(?:ACS|NUTANIX|PRISM|DATASERVICES|XDG)_[A-Z_]+\b/g) ?? []
  const asked = [...sources.matchAll(/\b(?:env|environment)\??\.([A-Z][A-Z_]+)\b/g)].map(([, name = '']) => name)
  return new Set([...named, ...asked].filter((name) => !notForUsers.includes(name)))
}

function variablesTold(): Set<string> {
  return new Set([...(topic.match(/\b[A-Z][A-Z_]+_[A-Z_]+\b/g) ?? []), 'HOME', 'PATH', 'TERM'])
}

test('acs help environment tells of every variable that acs reads', () => {
  const read = variablesRead()
  expect(read.size).toBeGreaterThan(25)
  expect([...read].filter((name) => !new RegExp(`\\b${name}\\b`).test(topic))).toEqual([])
})

test('and of no variable that nothing reads', () => {
  const unread = [...variablesTold()].filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))
  expect(unread.sort()).toEqual([...notOurs].sort())
})

test('its lines fit a terminal of 120 columns', () => {
  expect(topic.split('\n').filter((line) => line.length > 120)).toEqual([])
})
