import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Deadline } from '../../base/deadline.js'
import type { Runner } from '../host.js'
import type { HostRoots } from '../roots.js'
import type { KernelSession } from './sessions.js'

/** A LUN of a session, from sysfs. */
export interface ScsiDevice {
  /** `2:0:0:1` */
  address: string
  lun: number
  /** sysfs folder of the SCSI device: `state`, `delete`, `rescan`, `vpd_pg80`. */
  folder: string
  /** `sdb`; `undefined` until the sd driver has taken it. */
  blockName: string | undefined
}

/** The LUNs the kernel knows of a session. */
export async function sessionDevices(session: KernelSession): Promise<ScsiDevice[]> {
  const targets = await readdir(session.deviceFolder).catch(() => [])
  const devices: ScsiDevice[] = []
  for (const target of targets.filter((name) => /^target\d+:\d+:\d+$/.test(name))) {
    const names = await readdir(join(session.deviceFolder, target)).catch(() => [])
    for (const address of names.filter((name) => /^\d+:\d+:\d+:\d+$/.test(name))) {
      const folder = join(session.deviceFolder, target, address)
      const [blockName] = await readdir(join(folder, 'block')).catch(() => [])
      devices.push({ address, lun: Number(address.split(':')[3]), folder, blockName })
    }
  }
  return devices
}

export async function findDevice(session: KernelSession, lun: number): Promise<ScsiDevice | undefined> {
  return (await sessionDevices(session)).find((device) => device.lun === lun)
}

/** Makes the kernel look at exactly one LUN of our session's host; channel and target are 0 in iscsi_tcp. */
export async function scanLun(
  runner: Runner,
  roots: HostRoots,
  session: KernelSession,
  lun: number,
  deadline: Deadline,
): Promise<void> {
  await writeSysfs(
    runner,
    join(roots.sysfs, 'class', 'scsi_host', `host${session.host}`, 'scan'),
    `0 0 ${lun}`,
    deadline,
  )
}

/** Reads capacity and VPD pages again. */
export async function rescanDevice(runner: Runner, device: ScsiDevice, deadline: Deadline): Promise<void> {
  await writeSysfs(runner, join(device.folder, 'rescan'), '1', deadline)
}

/** Takes a device away: offline first, so that the removal does not wait for I/O to a dead target. */
export async function removeDevice(runner: Runner, device: ScsiDevice, deadline: Deadline): Promise<void> {
  await setOffline(runner, device, deadline)
  await writeSysfs(runner, join(device.folder, 'delete'), '1', deadline)
}

/**
 * New I/O to an offline device fails at once. So it does already where the session's recovery was given up, which the kernel
 * calls `transport-offline` and lets nobody change to `offline` (seen on Linux 6.1: EINVAL).
 */
export async function setOffline(runner: Runner, device: ScsiDevice, deadline: Deadline): Promise<void> {
  const path = join(device.folder, 'state')
  if ((await stateAt(path)) === 'transport-offline') return
  try {
    await writeSysfs(runner, path, 'offline', deadline)
  } catch (error) {
    // It may have become so meanwhile.
    if ((await stateAt(path)) !== 'transport-offline') throw error
  }
}

async function stateAt(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim()
}

/** Unit serial number by VPD page 0x80 as the kernel read it; `undefined` when there is none. */
export async function deviceSerial(device: ScsiDevice): Promise<string | undefined> {
  const page = await readFile(join(device.folder, 'vpd_pg80')).catch(() => undefined)
  return page === undefined ? undefined : parseVpdSerial(page)
}

/** SPC-4 7.8.16: byte 1 is the page code, bytes 2-3 the length of the serial behind them. */
export function parseVpdSerial(page: Buffer): string | undefined {
  if (page.length < 4 || page.readUInt8(1) !== 0x80) return undefined
  const length = page.readUInt16BE(2)
  if (page.length < 4 + length) return undefined
  return page
    .toString('latin1', 4, 4 + length)
    .replace(/\0/g, '')
    .trim()
}

/**
 * Writes a sysfs attribute in a process of its own: the kernel answers `scan` and `delete` only when the
 * target did, and a thread of Node that waits there cannot be ended.
 */
async function writeSysfs(runner: Runner, path: string, value: string, deadline: Deadline): Promise<void> {
  // With a line's end: `state` is EINVAL without (drivers/scsi/scsi_sysfs.c, store_state_field; seen on 6.1).
  await runner.run('tee', [path], { deadline, timeoutMs: 30_000, input: `${value}\n` })
}
