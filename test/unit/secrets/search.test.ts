import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { appendEvidence, type Evidence } from '../../secrets/evidence.js'
import { findLeaks } from '../../secrets/search.js'
import { learnSecret, newPassword } from '../../secrets/secrets.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'acs-search-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const password = newPassword('4b1d6f0a9c27e835')

function leaksIn(...evidence: Evidence[]) {
  learnSecret("Prism's password", password, folder)
  appendEvidence(folder, evidence)
  return findLeaks(folder)
}

describe('a secret is found', () => {
  it.each([
    ['as it is', `password is ${password}`],
    ['in JSON', JSON.stringify({ x: password })],
    ['in JSON in JSON', JSON.stringify({ msg: JSON.stringify({ x: password }) })],
    ['in a URL', `https://admin:${encodeURIComponent(password)}@10.0.0.1/`],
    ['quoted by a shell', `ACS_PASSWORD=Pr\\"s%m\\&\\\\\\$-4b1d6f0a9c27e835`],
    ...['a', 'ad', 'admin', 'nutanix'].map((user) => [
      `in the login of ${user}`,
      Buffer.from(`${user}:${password}`).toString('base64'),
    ]),
    ['in base64 of base64url', Buffer.from(password).toString('base64url')],
    ['in hexadecimal digits', Buffer.from(password).toString('hex')],
  ])('%s', (_how, text) => {
    expect(leaksIn({ source: 'stderr of acs', text: `first\nsecond ${text} end\nthird` })).toEqual([
      {
        source: 'stderr of acs',
        line: 2,
        what: expect.stringMatching(/^Prism's password, /) as string,
        text: expect.stringContaining('<here>') as string,
      },
    ])
  })

  it.each([
    ['a cookie of a login', 'Cookie: JSESSIONID=0123456789ABCDEF0123456789ABCDEF; Path=/'],
    ['a cookie by itself', 'session 0123456789ABCDEF0123456789ABCDEF ended'],
    ["a login that is not the test's", 'Authorization: Basic YWRtaW46aHVudGVyMjI='],
    ['a key', '-----BEGIN EC PRIVATE KEY-----'],
  ])('by its shape: %s', (_what, text) => {
    expect(leaksIn({ source: '/tmp/log', text })).toMatchObject([{ source: '/tmp/log', line: 1 }])
  })

  it('and not shown by what tells of it', () => {
    const [leak] = leaksIn({ source: 'x', text: `a ${password} b` })
    expect(leak?.text).toBe('a <here> b')
  })

  it('by a file that others may read', () => {
    expect(leaksIn({ source: '/var/lib/acs/chap/x', text: '', mode: 0o640 })).toMatchObject([{ text: 'mode 640' }])
    expect(leaksIn({ source: '/var/lib/acs/chap/x', text: '', mode: 0o600 })).toHaveLength(1)
  })
})

it('what is no secret is left alone', () => {
  const uuid = 'feb921da-2fea-4a10-af50-3cb7338f69a4'
  const text = `POST /volume_groups 201 ${uuid} sha256:${'0a'.repeat(32)} password: *** Basic login`
  expect(leaksIn({ source: 'stderr of acs', text })).toEqual([])
})
