import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resolveOptions, type OptionsPolicy } from '../../../src/lib/volume/profiles.js'
import type { VolumeOptions } from '../../../src/lib/volume/options.js'

const policy: OptionsPolicy = {
  defaults: { size: '20G', fs: 'ext4', 'mkfs-options': '-m 0', uid: 0 },
  profiles: {
    fast: { defaults: { fs: 'xfs', flash: true, size: '50G' }, enforce: { container: 'ssd' } },
    plain: {},
  },
}
const options = (asked: VolumeOptions, of: OptionsPolicy = policy): VolumeOptions => resolveOptions(asked, of).options

describe('defaults, profiles and rules', () => {
  it('go over each other in their order', () => {
    expect(options({})).toEqual({ sizeBytes: 20 * 2 ** 30, filesystem: 'ext4', mkfsOptions: '-m 0', uid: 0 })
    expect(options({ profile: 'fast' })).toEqual({
      profile: 'fast',
      sizeBytes: 50 * 2 ** 30,
      filesystem: 'xfs',
      flash: true,
      container: 'ssd',
      uid: 0,
    })
    expect(options({ profile: 'fast', sizeBytes: 2 ** 30, flash: false })).toMatchObject({
      sizeBytes: 2 ** 30,
      flash: false,
    })
    expect(options({ profile: 'plain' })).toEqual({ ...options({}), profile: 'plain' })
    expect(options({}, {})).toEqual({})
  })

  it('always leave what the user said, or refuse it', () => {
    const layer = fc.record(
      { size: fc.constantFrom('1G', '2G'), fs: fc.constantFrom('ext4', 'xfs') },
      { requiredKeys: [] },
    )
    const user = fc.record<VolumeOptions>(
      {
        sizeBytes: fc.constantFrom(2 ** 30, 2 ** 31),
        filesystem: fc.constantFrom('ext4', 'xfs'),
        profile: fc.constant('p'),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(user, layer, layer, layer, layer, (asked, defaults, enforce, below, above) => {
        const of: OptionsPolicy = { defaults, enforce, profiles: { p: { defaults: below, enforce: above } } }
        let resolved: VolumeOptions
        try {
          resolved = options(asked, of)
        } catch (error) {
          expect(error).toMatchObject({ code: 'EACSENFORCED' })
          return
        }
        expect(resolved).toMatchObject(asked)
        if (enforce.size !== undefined) expect(resolved.sizeBytes).toBe(enforce.size === '1G' ? 2 ** 30 : 2 ** 31)
        if (enforce.fs !== undefined) expect(resolved.filesystem).toBe(enforce.fs)
      }),
    )
  })

  it('take a rule as the same however it is written, and name the one that says otherwise', () => {
    const ruled: OptionsPolicy = { ...policy, enforce: { sizeMb: 20480 } }
    expect(options({ sizeBytes: 20 * 2 ** 30 }, ruled).sizeBytes).toBe(20 * 2 ** 30)
    expect(() => options({ sizeBytes: 2 ** 30 }, ruled)).toThrow(
      'size "1 GiB" is not to be had on this host: "enforce" in its configuration says "20 GiB"',
    )
    expect(() => options({ profile: 'fast', container: 'hdd' })).toThrow('"enforce" of profile "fast"')
    expect(() => options({ profile: 'fast' }, { ...ruled, enforce: { container: 'hdd' } })).toThrow(
      'goes before profiles',
    )
  })

  it('know a default profile and an enforced one', () => {
    expect(options({}, { ...policy, defaults: { profile: 'fast' } })).toMatchObject({ profile: 'fast', flash: true })
    const enforced = { ...policy, enforce: { profile: 'fast' } }
    expect(options({}, enforced)).toMatchObject({ profile: 'fast', flash: true })
    expect(() => options({ profile: 'plain' }, enforced)).toThrow(/EACSENFORCED|profile "plain" is not to be had/)
  })

  it('do not give the mkfs options of one filesystem to another, nor half a source', () => {
    expect(options({ filesystem: 'btrfs' }).mkfsOptions).toBeUndefined()
    expect(options({ filesystem: 'ext4' }).mkfsOptions).toBe('-m 0')
    const templates = { defaults: { from: 'template', 'from-snapshot': 'clean' } }
    expect(options({ from: 'db' }, templates)).toEqual({ from: 'db' })
    expect(options({}, templates)).toEqual({ from: 'template', fromSnapshot: 'clean' })
  })

  it('refuse a profile that there is not, and a mistake in the configuration by its place', () => {
    expect(() => options({ profile: 'slow' })).toThrow(/no profile "slow"/)
    expect(() => options({ profile: '__proto__' })).toThrow(/no profile/)
    expect(() => options({}, { defaults: { sice: '1G' } })).toThrow(/"sice" \(defaults in the configuration\)/)
    expect(() => options({ profile: 'p' }, { profiles: { p: { enforce: { profile: 'q' } } } })).toThrow(
      /cannot name a profile \(enforce of profile "p" in the configuration\)/,
    )
  })
})
