import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hideSecret, redactFields, redactKnown, redactText } from '../../../src/lib/base/redact.js'

test.each([
  'authorization: Basic YWRtaW46aHVudGVyMg==',
  'Cookie: JSESSIONID=hunter2; path=/',
  'set-cookie: JSESSIONID=hunter2',
  '{"password":"hunter2","name":"web"}',
  '{"target_password": "hun\\"ter2"}',
  'chapSecret=hunter2 lun=0',
  'https://admin:hunter2@10.0.0.1:9440/',
  "ACS_PASSWORD='hunter2'",
  "{ 'password': 'hunter2' }",
  'node.session.auth.password_in = hunter2',
  '{"datasource_type":"CONFIG_DRIVE_V2","userdata":"#cloud-config\\npassword: \\"hunter2\\"\\n"}',
  'iscsi://joe%hunter2@[fe80::1]:3260/target/0',
])('%s loses its secret', (line) => {
  expect(redactText(line)).not.toMatch(/hunter2|hun\\"ter2|YWRtaW4/)
  expect(redactText(line)).toContain('***')
})

test('what holds no secret stays', () => {
  const line = 'GET /volume_groups?include_disk_size=true 200 12ms {"name":"web"}'
  expect(redactText(line)).toBe(line)
})

test("QEMU's name of a secret is none", () => {
  expect(redactText('secret,id=chap,file=/run/acs/x')).toBe('secret,id=chap,file=/run/acs/x')
})

test('any word after the name of a password goes', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-zA-Z0-9!%]{6,20}$/),
      fc.constantFrom('password', 'secret', 'PASSWD'),
      (word, key) => {
        fc.pre(!'password=***'.includes(word.toLowerCase()) && !/secret|passw/i.test(word))
        expect(redactText(`a ${key}=${word} b`)).not.toContain(word)
        expect(redactText(`a ${key}: ${word}, b`)).not.toContain(word)
      },
    ),
  )
})

test('whatever the password, it does not come out of a JSON body', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 4 }), (secret) => {
      const escaped = JSON.stringify(secret).slice(1, -1)
      expect(redactText(JSON.stringify({ password: secret, name: 'x' }))).toBe('{"password":***,"name":"x"}')
      expect(escaped.length).toBeGreaterThan(0)
    }),
  )
})

test('a secret told to it comes out nowhere, in no spelling', () => {
  const secret = 'Marker "4711"/&'
  hideSecret(secret)
  const base64 = (encoding: 'base64' | 'base64url') => Buffer.from(secret).toString(encoding).slice(0, 20)
  for (const text of [
    ...[secret, encodeURIComponent(secret), JSON.stringify({ mkfs: secret })],
    ...[Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('base64url')],
  ])
    for (const redact of [redactText, redactKnown]) {
      for (const part of ['4711', base64('base64'), base64('base64url')])
        expect(redact(`mkfs said: ${text}.`)).not.toContain(part)
      expect(redact(`mkfs said: ${text}.`)).toMatch(/^mkfs said: .*\*\*\*.*\.$/)
    }
  expect(redactFields({ args: ['-o', secret], nested: { deep: [{ text: `x${secret}y` }] } })).toEqual({
    args: ['-o', '***'],
    nested: { deep: [{ text: 'x***y' }] },
  })
})

test('a secret that begins another leaves nothing of it', () => {
  hideSecret('cookie-12345')
  hideSecret('cookie-12345-and-more')
  expect(redactKnown('cookie-12345-and-more, cookie-12345')).toBe('***, ***')
})

test('only what was told to it is taken from a text for people', () => {
  expect(redactKnown('volume "secret": held by node2')).toBe('volume "secret": held by node2')
})

test('of very many secrets those mentioned last are hidden', () => {
  for (let number = 0; number < 1_000; number += 1) {
    hideSecret('in use all the time')
    hideSecret(`cookie number ${number}.`)
  }
  expect(redactKnown('in use all the time, cookie number 999., cookie number 0.')).toBe('***, ***, cookie number 0.')
})

test('a value too short to be told apart is not hidden everywhere', () => {
  hideSecret('ab')
  expect(redactText('about abba')).toBe('about abba')
})

test('fields with secret-looking names lose their values, whatever those are', () => {
  expect(
    redactFields({
      volume: 'db',
      chap: { username: 'u', password: 'hunter2' },
      authorization: ['x'],
      privateKey: 1,
      none: null,
      token: undefined,
    }),
  ).toEqual({
    volume: 'db',
    chap: { username: 'u', password: '[redacted]' },
    authorization: '[redacted]',
    privateKey: '[redacted]',
    none: null,
    token: undefined,
  })
})

test('a circle ends', () => {
  const circle: Record<string, unknown> = {}
  circle.again = circle
  expect(JSON.stringify(redactFields(circle))).toContain('[too deep]')
})

test('long words take no time', () => {
  const started = performance.now()
  for (const text of ['a'.repeat(1_000_000), 'password'.repeat(100_000), `${'a:'.repeat(300_000)}//`]) redactText(text)
  expect(performance.now() - started).toBeLessThan(1_000)
})
