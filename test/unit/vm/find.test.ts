import { describe, expect, it } from 'vitest'
import type { Image, Network } from '../../../src/lib/prism/prism.js'
import { findContainer, findImage, findNetwork, findVm, findVms } from '../../../src/lib/vm/find.js'
import { contextOf, machine, vmUuid } from './fake-machines.js'

const other = '0006411c-0286-bc71-9f02-000000000001'
const image = (name: string, uuid: string): Image => ({
  ...{ name, uuid, description: '', kind: 'disk', active: true, logicalTimestamp: 1 },
})
const network = (name: string, uuid: string): Network => ({
  name,
  uuid,
  description: '',
  vlanId: 0,
  logicalTimestamp: 1,
})

describe('an image, a network', () => {
  const context = contextOf({
    images: () => Promise.resolve([image('debian-12', vmUuid), image('twice', vmUuid), image('twice', other)]),
    networks: () => Promise.resolve([network('Primary', vmUuid), network('Secondary', other)]),
  })

  it('is found by name and by UUID', async () => {
    expect(await findImage(context, 'debian-12')).toMatchObject({ uuid: vmUuid })
    expect(await findNetwork(context, other.toUpperCase())).toMatchObject({ name: 'Secondary' })
  })

  it('that is not there is not found, and the nearest one is named', async () => {
    await expect(findImage(context, 'debian-11')).rejects.toMatchObject({
      kind: 'not-found',
      code: 'EACSNOTFOUND',
      message: 'there is no image "debian-11"',
      hints: ['Did you mean debian-12?', 'See all images: acs image list'],
    })
    await expect(findNetwork(context, 'primary')).rejects.toMatchObject({
      code: 'EACSNOTFOUND',
      hints: ['Did you mean Primary?', 'See all networks: acs network list'],
    })
  })

  it('of a name that several have is one too many', async () => {
    await expect(findImage(context, 'twice')).rejects.toMatchObject({
      kind: 'conflict',
      code: 'EACSAMBIGUOUS',
      message: `2 images are named "twice": ${vmUuid}, ${other}`,
    })
  })
})

describe('a machine', () => {
  it('is read by itself where its UUID is given', async () => {
    const context = contextOf({ vm: (uuid) => Promise.resolve(machine({ uuid })) })
    expect(await findVm(context, vmUuid.toUpperCase())).toMatchObject({ uuid: vmUuid })
  })

  it('is found among all by its name', async () => {
    const context = contextOf({ vms: () => Promise.resolve([machine(), machine({ name: 'db', uuid: other })]) })
    expect(await findVm(context, 'db')).toMatchObject({ uuid: other })
    expect(await findVms(context, ['*b'])).toHaveLength(2)
    await expect(findVm(context, '*b')).rejects.toMatchObject({ code: 'EACSNOTFOUND' })
  })
})

it('a storage container is found as for volumes', async () => {
  const container = { uuid: other, name: 'default-container-1', maxCapacityBytes: 0, internal: false }
  const context = contextOf({ storageContainers: () => Promise.resolve([container]) })
  expect(await findContainer(context, undefined)).toBe(container)
  await expect(findContainer(context, 'x')).rejects.toMatchObject({ code: 'EACSNOCONTAINER' })
})
