import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureFolder, removeDurably, writeDurably, writeState } from '../../../src/lib/base/durable-file.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-durable-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

describe('writeDurably', () => {
  it('replaces the content, privately, and leaves no temp file', async () => {
    const path = join(folder, 'state.json')
    await writeFile(path, 'old', { mode: 0o644 })
    await writeDurably(path, 'new')
    expect(await readFile(path, 'utf8')).toBe('new')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['state.json'])
  })

  it('never shows a mixture to a reader, under many writers', async () => {
    const path = join(folder, 'state')
    const contents = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000))
    await writeDurably(path, contents[0]!)
    const writing = Promise.all(contents.map((content) => writeDurably(path, content)))
    for (let round = 0; round < 50; round += 1) expect(contents).toContain(await readFile(path, 'utf8'))
    await writing
    expect(await readdir(folder)).toEqual(['state'])
  })

  it('leaves nothing when it cannot write', async () => {
    await expect(writeDurably(join(folder, 'absent', 'file'), 'x')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('writeState', () => {
  it('makes the folder, and says what is wrong with a file it cannot write', async () => {
    const path = join(folder, 'a', 'state.json')
    await writeState(path, 'x')
    expect(await readFile(path, 'utf8')).toBe('x')
    await mkdir(join(folder, 'a', 'taken'))
    await expect(writeState(join(folder, 'a', 'taken'), 'x')).rejects.toMatchObject({
      code: 'EACSSTATE',
      kind: 'failed',
      hints: [`Look at it: ls -la ${join(folder, 'a')}`],
    })
    expect(await readdir(join(folder, 'a'))).toEqual(['state.json', 'taken'])
  })
})

describe('ensureFolder', () => {
  it('makes a private folder with its parents, also when many do so at once', async () => {
    const path = join(folder, 'a', 'b', 'c')
    await Promise.all(Array.from({ length: 20 }, () => ensureFolder(path)))
    for (const each of [path, join(path, '..'), join(path, '..', '..')])
      expect((await stat(each)).mode & 0o777).toBe(0o700)
  })

  it('leaves one that is there as it is, behind a link too', async () => {
    await chmod(folder, 0o755)
    await symlink(folder, join(folder, 'link'))
    await ensureFolder(folder)
    await ensureFolder(join(folder, 'link'))
    expect((await stat(folder)).mode & 0o777).toBe(0o755)
  })

  it.each(['/proc/x', '/proc/x/y', '/dev/null/x', '/dev/null'])('says that %s cannot be made', async (path) => {
    await expect(ensureFolder(path)).rejects.toMatchObject({ code: 'EACSFOLDER', kind: 'failed', details: { path } })
  })
})

describe('removeDurably', () => {
  it('is content with an absent file', async () => {
    const path = join(folder, 'gone')
    await writeDurably(path, 'x')
    await removeDurably(path)
    await removeDurably(path)
    expect(await readdir(folder)).toEqual([])
  })
})
