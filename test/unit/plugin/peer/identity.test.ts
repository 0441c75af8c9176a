import { createHash, X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { peerIdentity } from '../../../../src/lib/plugin/peer/identity.js'

async function stateFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'acs-identity-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

it('is made once, is private, and is the certificate’s', async () => {
  const folder = await stateFolder()
  const first = await peerIdentity(folder)
  expect(first.renewed).toBeUndefined()
  expect(await peerIdentity(folder)).toEqual(first)
  const { raw, validTo } = new X509Certificate(first.cert)
  const sha256 = createHash('sha256').update(raw).digest()
  expect(first.fingerprint).toBe(sha256.subarray(0, 16).toString('base64url'))
  expect(new Date(validTo).getFullYear()).toBeGreaterThan(2040)
  const path = join(folder, 'peer', 'identity.pem')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, 'peer'))).mode & 0o777).toBe(0o700)
  expect(await readdir(join(folder, 'peer'))).toEqual(['identity.pem'])
  expect((await peerIdentity(await stateFolder())).fingerprint).not.toBe(first.fingerprint)
})

it.each<[string, RegExp, (path: string, other: string) => Promise<void>]>([
  ['open to others', /open to others \(mode 640\)/, (path) => chmod(path, 0o640)],
  ['empty', /damaged/, (path) => writeFile(path, '')],
  ['cut off', /damaged/, async (path) => writeFile(path, (await readFile(path, 'utf8')).slice(0, 400))],
  [
    'of two identities',
    /not the certificate/,
    async (path, other) => {
      const [key = ''] = (await readFile(other, 'utf8')).split('-----BEGIN CERTIFICATE')
      const [, cert = ''] = (await readFile(path, 'utf8')).split('-----BEGIN CERTIFICATE')
      await writeFile(path, `${key}-----BEGIN CERTIFICATE${cert}`)
    },
  ],
])('is made anew when it is %s, and says so', async (_what, reason, spoil) => {
  const [folder, other] = [await stateFolder(), await stateFolder()]
  const first = await peerIdentity(folder)
  await peerIdentity(other)
  await spoil(join(folder, 'peer', 'identity.pem'), join(other, 'peer', 'identity.pem'))
  const second = await peerIdentity(folder)
  expect(second.renewed).toMatch(reason)
  expect(second.renewed).not.toContain('BEGIN')
  expect(second.fingerprint).not.toBe(first.fingerprint)
  expect(await peerIdentity(folder)).toEqual({ ...second, renewed: undefined })
})

it('says where it should be when it cannot be kept', async () => {
  const folder = await stateFolder()
  await writeFile(join(folder, 'peer'), '')
  await expect(peerIdentity(folder)).rejects.toMatchObject({
    code: 'EACSPEERIDENTITY',
    hints: [expect.stringContaining('identity.pem')],
  })
})
