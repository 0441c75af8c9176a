import { AcsError } from '../base/errors.js'
import type { VolumeGroup } from '../prism/prism.js'

/** What Prism leaves out of `iscsi_target` (recorded: the field never carries the `iqn.` part). */
export const targetPrefix = 'iqn.2010-06.com.nutanix:'

const defaultPort = 3260

/**
 * Full IQN of a group's base target, which shows every disk of the group as the LUN of its index.
 * The `-tgtN` virtual targets spread disks over sessions and are not used here.
 */
export function targetName(group: Pick<VolumeGroup, 'iscsiTarget'>): string {
  return group.iscsiTarget.startsWith('iqn.') ? group.iscsiTarget : targetPrefix + group.iscsiTarget
}

/** `host:port` of a portal from `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address; port 3260 when absent. */
export function portalAddress(address: string): string {
  const text = address.trim()
  const bracketed = /^\[([0-9a-f:.%a-z]+)\](?::(\d+))?$/i.exec(text)
  if (bracketed) return `[${bracketed[1] ?? ''}]:${port(bracketed[2], address)}`
  if (text.split(':').length > 2) return `[${text}]:${defaultPort}`
  const plain = /^([^\s:/]+)(?::(\d+))?$/.exec(text)
  if (!plain) throw badPortal(address)
  return `${plain[1] ?? ''}:${port(plain[2], address)}`
}

function port(text: string | undefined, address: string): number {
  const value = text === undefined ? defaultPort : Number(text)
  if (value < 1 || value > 65_535) throw badPortal(address)
  return value
}

function badPortal(address: string): AcsError {
  return new AcsError('usage', 'EACSPORTALADDRESS', `"${address}" is not the address of a data services portal`, {
    hints: ['A portal looks like 10.0.0.5, 10.0.0.5:3260 or [fd00::5]:3260'],
  })
}
