import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { hardwareUuid } from '../../../src/lib/host/hardware.js'
import { temporaryFolder } from '../volume/fake-context.js'

it.each([
  ['4C4C4544-0042-4D10-8056-B8C04F4E4D32\n', '4c4c4544-0042-4d10-8056-b8c04f4e4d32'],
  ['00000000-0000-0000-0000-000000000000\n', undefined],
  ['FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n', undefined],
  ['Not Settable\n', undefined],
])('of product_uuid %j the hardware is %s', async (text, uuid) => {
  const sysfs = await temporaryFolder()
  expect(await hardwareUuid(sysfs)).toBeUndefined()
  await mkdir(join(sysfs, 'class', 'dmi', 'id'), { recursive: true })
  await writeFile(join(sysfs, 'class', 'dmi', 'id', 'product_uuid'), text)
  expect(await hardwareUuid(sysfs)).toBe(uuid)
})
