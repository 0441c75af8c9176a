import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hideSecret, redactFields, redactText } from '../../../src/lib/base/redact.js'

test.each([
  'authorization: Basic YWRtaW46aHVudGVyMg==',
  'Cookie: JSESSIONID=hunter2; path=/',
  'set-cookie: JSESSIONID=hunter2',
  '{"password":"hunter2","name":"web"}',
  '{"target_password": "hun\\"ter2"}',
  'chapSecret=hunter2 lun=0',
  'https://admin:hunter2@10.0.0.1:9440/',
  "ACS_PASSWORD='hunter2'",
])('%s loses its secret', (line) => {
  expect(redactText(line)).not.toMatch(/hunter2|hun\\"ter2|YWRtaW4/)
  expect(redactText(line)).toContain('***')
})

test('what holds no secret stays', () => {
  const line = 'GET /volume_groups?include_disk_size=true 200 12ms {"name":"web"}'
  expect(redactText(line)).toBe(line)
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
  for (const text of [secret, encodeURIComponent(secret), JSON.stringify({ mkfs: secret })]) {
    expect(redactText(`mkfs said: ${text}.`)).not.toContain('4711')
    expect(redactText(`mkfs said: ${text}.`)).toMatch(/^mkfs said: .*\*\*\*.*\.$/)
  }
  expect(redactFields({ args: ['-o', secret], nested: { deep: [{ text: `x${secret}y` }] } })).toEqual({
    args: ['-o', '***'],
    nested: { deep: [{ text: 'x***y' }] },
  })
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
