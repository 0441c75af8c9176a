import fc from 'fast-check'
import { expect, test } from 'vitest'
import { redact } from '../../../src/lib/cli/debug-log.js'

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
  expect(redact(line)).not.toMatch(/hunter2|hun\\"ter2|YWRtaW4/)
  expect(redact(line)).toContain('***')
})

test('what holds no secret stays', () => {
  const line = 'GET /volume_groups?include_disk_size=true 200 12ms {"name":"web"}'
  expect(redact(line)).toBe(line)
})

test('whatever the password, it does not come out of a JSON body', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 4 }), (secret) => {
      const escaped = JSON.stringify(secret).slice(1, -1)
      expect(redact(JSON.stringify({ password: secret, name: 'x' }))).toBe('{"password":***,"name":"x"}')
      expect(escaped.length).toBeGreaterThan(0)
    }),
  )
})
