import { describe, expect, it } from 'vitest'
import { changeBehaviour, defaultBehaviour } from '../../../src/lib/sim/behaviour.js'
import { matchesGlob } from '../../../src/lib/sim/glob.js'
import { isInitiatorAddress } from '../../../src/lib/sim/iscsi-clients.js'
import { splitTargetName } from '../../../src/lib/sim/iscsi-names.js'
import { formatAddress, parseListenAddress } from '../../../src/lib/base/listen-address.js'
import { exportLines } from '../../../src/lib/sim/shell-environment.js'

const fallback = { host: '127.0.0.1', port: 9440 }

it.each([
  ['', '127.0.0.1:9440'],
  ['0', '127.0.0.1:0'],
  [':8443', '127.0.0.1:8443'],
  ['example.org', 'example.org:9440'],
  ['0.0.0.0:1', '0.0.0.0:1'],
  ['[::1]:9440', '[::1]:9440'],
  ['::1', '[::1]:9440'],
])('listens on "%s" as %s', (text, expected) => {
  expect(formatAddress(parseListenAddress(text, fallback))).toBe(expected)
})

it.each(['a:b', '127.0.0.1:70000', '[::1', 'a b:1', '1:2:x'])('refuses to listen on "%s"', (text) => {
  expect(() => parseListenAddress(text, fallback)).toThrow(/not an address/)
})

it.each([
  ['*', 'anything/at all', true],
  ['GET /volume_groups/*', 'GET /volume_groups/1/disks', true],
  ['GET /volume_groups', 'GET /volume_groups/1', false],
  ['a.c', 'abc', false],
  ['*-TGT0', 'iqn.x:y-tgt0', true],
])('glob %s on %s: %s', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected)
})

it.each([
  ['iqn.1993-08.org.debian:01:abc', true],
  ['IQN.1994-05.com.redhat:X', true],
  ['eui.02004567a425678d', true],
  ['10.0.0.1', true],
  ['fe80::1', true],
  ['debian', false],
  ['iqn.93-08.org', false],
  ['', false],
])('initiator "%s": %s', (address, expected) => {
  expect(isInitiatorAddress(address)).toBe(expected)
})

describe('target names', () => {
  it('have virtual twins within their number', () => {
    expect(splitTargetName('iqn.x:vg-TGT31', 32)).toEqual({ base: 'iqn.x:vg', virtual: 31 })
    expect(splitTargetName('iqn.x:vg-tgt32', 32)).toEqual({ base: 'iqn.x:vg-tgt32' })
    expect(splitTargetName('iqn.x:vg', 32)).toEqual({ base: 'iqn.x:vg' })
  })
})

describe('behaviour', () => {
  it('changes all that is asked, or nothing', () => {
    const behaviour = { ...defaultBehaviour }
    expect(changeBehaviour(behaviour, { uniqueNames: false, unknownStatus: 418 })).toMatch(/unknownStatus/)
    expect(changeBehaviour(behaviour, { taskDurationMs: -1 })).toMatch(/taskDurationMs/)
    expect(changeBehaviour(behaviour, { colour: 1 })).toMatch(/no switch/)
    expect(behaviour).toEqual(defaultBehaviour)
    expect(changeBehaviour(behaviour, { uniqueNames: false })).toBeUndefined()
    expect(behaviour.uniqueNames).toBe(false)
  })
})

it('quotes for a shell', () => {
  expect(exportLines({ A: "it's" })).toBe("export A='it'\\''s'\n")
})
