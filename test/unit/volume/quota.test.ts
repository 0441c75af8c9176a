import { describe, expect, it } from 'vitest'
import { checkQuota, type QuotaPolicy, type QuotaRequest } from '../../../src/lib/volume/quota.js'
import type { Trailer } from '../../../src/lib/volume/trailer.js'
import { asVolume, type Volume } from '../../../src/lib/volume/volume.js'

const gib = 2 ** 30
const gold = { uuid: 'c0000000-0000-4000-8000-000000000001', name: 'gold' }
let made = 0

function volume(sizeGib: number, trailer: Partial<Trailer> = {}, container = gold.uuid): Volume {
  made += 1
  const uuid = `${made.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`
  const description = Object.keys(trailer).length === 0 ? '' : `acs:${JSON.stringify({ v: 1, fs: 'ext4', ...trailer })}`
  return asVolume({
    uuid,
    name: `v${made}`,
    description,
    logicalTimestamp: 1,
    disks: [{ index: 0, uuid, sizeBytes: sizeGib * gib, storageContainerUuid: container }],
    iscsiTarget: '',
    attachments: [],
    flashMode: false,
    chap: false,
    shared: false,
  })
}
const asked: QuotaRequest = { name: 'new', sizeBytes: 5 * gib, hostName: 'h1', container: gold }
const check =
  (volumes: Volume[], policy: QuotaPolicy, request: Partial<QuotaRequest> = {}) =>
  () =>
    checkQuota(volumes, policy, { ...asked, ...request })

describe('quotas', () => {
  const mine = [volume(10, { c: 'h1' }), volume(20, { c: 'h1', hid: true })]
  const others = [volume(40, { c: 'h2' }), volume(80), volume(160, { c: 'h1' }, 'c0000000-0000-4000-8000-000000000002')]

  it('of a host count what it created', () => {
    expect(check([...mine, ...others], { host: { volumes: 4, size: '195G' } })).not.toThrow()
    expect(check([...mine, ...others], { host: { volumes: 3 } })).toThrow(
      'volume "new" is more than this host, h1, may have: the limit is 3 volumes, in use are 3, asked for is one more',
    )
    expect(check([...mine, ...others], { host: { size: '194G' } })).toThrow(
      'the limit is 194 GiB, in use are 190 GiB, asked for is 5 GiB',
    )
    expect(check([...mine, ...others], { host: { volumes: 1 } }, { hostName: 'h3' })).not.toThrow()
    expect(check([], { host: { volumes: 0 } })).toThrow(/the limit is 0 volumes/)
  })

  it('of a storage container count what all hosts created there, and nobody else', () => {
    const all = [...mine, ...others]
    expect(check(all, { containers: { gold: { volumes: 4, size: '75G' } } })).not.toThrow()
    expect(check(all, { containers: { gold: { volumes: 3 } } })).toThrow(/storage container "gold".*in use are 3/)
    expect(check(all, { containers: { [gold.uuid]: { size: '74G' } } })).toThrow(/limit is 74 GiB, in use are 70 GiB/)
    expect(check(all, { containers: { silver: { volumes: 0 } } })).not.toThrow()
  })

  it('do not count the trash and snapshots', () => {
    const trashed = volume(10)
    const inTrash = asVolume({
      ...trashed.group,
      description: `acs:${JSON.stringify({ v: 1, fs: 'ext4', c: 'h1', del: { g: trashed.group.uuid.slice(0, 8), n: 'x', at: '', until: '' } })}`,
    })
    const snapshot = volume(10, { c: 'h1', snap: { of: '', ofName: '', name: '', at: '', frozen: false } })
    expect(check([inTrash, snapshot], { host: { volumes: 1, size: '5G' } })).not.toThrow()
  })

  it('are errors of the kind a script knows', () => {
    let thrown: unknown
    try {
      check([], { host: { size: '1G' } })()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ kind: 'conflict', code: 'EACSQUOTA', details: { limit: '1 GiB', used: '0 B' } })
  })
})
