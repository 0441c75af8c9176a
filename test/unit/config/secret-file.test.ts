import { spawnSync } from 'node:child_process'
import { chown, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readSecretFile } from '../../../src/lib/config/secret-file.js'
import { useSandbox } from './sandbox.js'

const sandbox = useSandbox()

describe('readSecretFile', () => {
  it.each([
    ['one line', 'pa ss\n', 'pa ss'],
    ['no end of line', 'pass', 'pass'],
    ['a Windows line', 'pass\r\nmore', 'pass'],
    ['spaces around', ' pass \n', ' pass '],
  ])('reads %s', async (_what, content, password) => {
    expect(await readSecretFile(await sandbox.write('p', content))).toBe(password)
  })

  it.each([0o640, 0o604, 0o644, 0o660, 0o602, 0o610])('refuses mode %o', async (mode) => {
    const path = await sandbox.write('p', 'x', mode)
    await expect(readSecretFile(path)).rejects.toMatchObject({ code: 'EACSSECRETFILE', kind: 'auth' })
  })

  it.each([0o400, 0o600, 0o700])('takes mode %o', async (mode) => {
    expect(await readSecretFile(await sandbox.write('p', 'x', mode))).toBe('x')
  })

  it('judges what a symlink leads to', async () => {
    const target = await sandbox.write('target', 'x', 0o644)
    const link = join(sandbox.folder, 'link')
    await symlink(target, link)
    await expect(readSecretFile(link)).rejects.toMatchObject({ code: 'EACSSECRETFILE' })
  })

  it.skipIf(process.geteuid?.() !== 0)("refuses another user's file", async () => {
    const path = await sandbox.write('p', 'x')
    await chown(path, 12345, 12345)
    await expect(readSecretFile(path)).rejects.toThrow('belongs to the user 12345')
  })

  it('refuses a folder, an absent and an empty file, and a huge one', async () => {
    await expect(readSecretFile(sandbox.folder)).rejects.toThrow('folder')
    await expect(readSecretFile(join(sandbox.folder, 'none'))).rejects.toThrow('ENOENT')
    await expect(readSecretFile(await sandbox.write('e', '\nx'))).rejects.toThrow('empty')
    await expect(readSecretFile(await sandbox.write('h', 'x'.repeat(100_000)))).rejects.toThrow('too large')
  })

  it('reads the pipe of a process substitution', () => {
    const script = `import { readSecretFile } from './src/lib/config/secret-file.ts'
      process.stdout.write(await readSecretFile(process.argv[1]))`
    const result = spawnSync(
      'bash',
      ['-c', `node --import tsx --input-type=module -e "$SCRIPT" <(sleep 0.2; echo piped)`],
      { encoding: 'utf8', env: { ...process.env, SCRIPT: script } },
    )
    expect(result.stderr).toBe('')
    expect(result.stdout).toBe('piped')
  })
})
