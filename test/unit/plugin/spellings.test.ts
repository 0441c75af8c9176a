import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openSpellings, type Spellings } from '../../../src/lib/plugin/spellings.js'
import { canonicalName } from '../../../src/lib/volume/inline-name.js'
import { temporaryFolder } from '../volume/fake-context.js'

const db = { uuid: 'u1', name: 'db' }
const open = (folder: string): Promise<Spellings> => openSpellings(folder, canonicalName)

it('are kept over restarts until Docker has removed them', async () => {
  const folder = await temporaryFolder()
  const spellings = await open(folder)
  await Promise.all([spellings.learn(db, 'db,size=1G'), spellings.learn(db, 'db,fs=xfs')])
  expect((await open(folder)).of(db)).toEqual(['db,size=1G', 'db,fs=xfs'])
  await spellings.forget(db.uuid, 'db,size=1G')
  expect((await open(folder)).of(db)).toEqual(['db,fs=xfs'])
  await spellings.forget(db.uuid, 'db,fs=xfs')
  expect((await open(folder)).of(db)).toEqual([])
})

it("are none for a volume that Docker calls by the volume's own name", async () => {
  const spellings = await open(await temporaryFolder())
  await spellings.learn(db, 'db')
  expect(spellings.of(db)).toEqual([])
})

it('go with the volume, and with its name', async () => {
  const folder = await temporaryFolder()
  const spellings = await open(folder)
  await spellings.learn(db, 'db,size=1G')
  expect(spellings.of({ ...db, name: 'renamed' })).toEqual([])
  await spellings.keepOnly((uuid) => uuid === db.uuid)
  expect(spellings.of(db)).toEqual(['db,size=1G'])
  await spellings.keepOnly(() => false)
  expect((await open(folder)).of(db)).toEqual([])
})

it.each(['', '{', '{"v":2}', '{"v":1,"volumes":{"u1":"db"}}'])('are none where the file is %j', async (text) => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'spellings.json'), text)
  expect((await open(folder)).of(db)).toEqual([])
})
