import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { redactKnown } from '../../../src/lib/base/redact.js'
import {
  checkSecret,
  keepChapSecret,
  newChapSecret,
  readChapSecretFile,
  storedChapSecret,
} from '../../../src/lib/volume/chap.js'

const uuid = 'feb921da-2fea-4a10-af50-3cb7338f69a4'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-chap-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('a secret is hidden from texts from the moment it is made, given or read', async () => {
  expect(redactKnown(newChapSecret())).toBe('***')
  expect(redactKnown(checkSecret('given-secret-1'))).toBe('***')
  const file = join(folder, 'file')
  await writeFile(file, 'from-a-file-12\n', { mode: 0o600 })
  expect(redactKnown(await readChapSecretFile(file))).toBe('***')
  await keepChapSecret(folder, uuid, 'kept-by-a-host1')
  expect(redactKnown('kept-by-a-host1')).toBe('kept-by-a-host1')
  expect(redactKnown((await storedChapSecret(folder, uuid)) ?? '')).toBe('***')
})

it('one that cannot be used is hidden too', () => {
  expect(() => checkSecret('far too long for iSCSI')).toThrow(/12 to 16/)
  expect(redactKnown('far too long for iSCSI')).toBe('***')
})
