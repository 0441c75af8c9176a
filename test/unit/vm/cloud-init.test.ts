import { describe, expect, it } from 'vitest'
import { isAcsError } from '../../../src/lib/base/errors.js'
import { checkUserData, mostUserDataBytes } from '../../../src/lib/vm/cloud-init.js'

describe('user data', () => {
  it.each([
    ['#cloud-config\npackages: [docker.io]\n', 'cloud-config'],
    ['#cloud-config\r\nusers:\r\n  - name: a\r\n', 'cloud-config'],
    ['#cloud-config \n---\n# of ours\na: 1\n', 'cloud-config'],
    ['#!/bin/sh\necho hi\n', 'script'],
    ['#include\nhttps://example.com/x\n', 'include'],
    ['#include-once\nhttps://example.com/x\n', 'include'],
    ['## template: jinja\n#cloud-config\nhostname: {{ ds.meta_data.name }}\n', 'jinja'],
    ['Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n', 'mime'],
    ['MIME-Version: 1.0\n', 'mime'],
  ])('%j is a %s', async (text, kind) => {
    expect(await checkUserData(text)).toBe(kind)
  })

  it.each([
    ['', 'it is empty'],
    [' \n', 'it is empty'],
    ['packages: []\n', 'does not say what it is (line 1, column 1)'],
    ['# cloud-config\na: 1\n', 'does not say what it is'],
    ['#cloud-config-archive\n- a\n', 'does not say what it is'],
    ['\n#cloud-config\na: 1\n', 'does not say what it is'],
    ['\uFEFF#cloud-config\na: 1\n', 'byte order mark'],
    ['#!/bin/sh\n\0', 'zero byte (line 2, column 1)'],
    ['#cloud-config\n', 'it has no settings'],
    ['#cloud-config\n- a\n', 'not settings by name (`packages: [...]`) (line 2, column 1)'],
    ['#cloud-config\nhello\n', 'not settings by name'],
    ['#cloud-config\na: 1\nb:\n\t- c\n', 'a tab as indentation; YAML takes blanks only (line 4, column 1)'],
    ['#cloud-config\na: 1\na: 2\n', 'a setting stands twice (line 3, column 1)'],
    ['#cloud-config\na: [1, 2\n', 'line 3, column 1'],
    ['#cloud-config\na: b: c\n', 'a second ":" in one line; put the value in quotes (line 2, column 4)'],
    ['#cloud-config\na: 1\n---\nb: 1\n', 'a second "---" (line 3, column 1)'],
    [`#!/bin/sh\n${'x'.repeat(mostUserDataBytes)}`, `it has ${mostUserDataBytes + 10} bytes, at most 32768 fit`],
    [`#!/bin/sh\n${'ä'.repeat(mostUserDataBytes / 2)}`, 'at most 32768 fit'],
  ])('%j is refused', async (text, why) => {
    await expect(checkUserData(text)).rejects.toMatchObject({
      kind: 'usage',
      code: 'EACSUSERDATA',
      message: expect.stringContaining(why) as string,
    })
  })

  it('is quoted in no error', async () => {
    const texts = [
      'password: *hunter22\n',
      'hunter22: 1\nhunter22: 2\n',
      'a: "hunter22\n',
      'a: hunter22: b\n',
      '- hunter22\n',
    ]
    for (const text of texts) {
      const error: unknown = await checkUserData(`#cloud-config\n${text}`).catch((thrown: unknown) => thrown)
      if (!isAcsError(error)) continue
      expect(JSON.stringify([error.message, error.details, error.hints, error.cause ?? ''])).not.toContain('hunter22')
    }
  })
})
