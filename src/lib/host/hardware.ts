import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { machineRoots } from './roots.js'

/**
 * UUID of this machine's hardware, virtual or not, by SMBIOS: a clone of a virtual machine gets another one, and has the
 * same machine-id, host name, initiator name and files. Undefined where there is no SMBIOS, or one that tells nothing.
 */
export async function hardwareUuid(sysfs = machineRoots.sysfs): Promise<string | undefined> {
  const text = await readFile(join(sysfs, 'class', 'dmi', 'id', 'product_uuid'), 'utf8').catch(() => '')
  const uuid = text.trim().toLowerCase()
  // All zeros and all ones are SMBIOS's "not set" (DSP0134 7.2.1).
  return /^[0-9a-f-]{36}$/.test(uuid) && !/^[0-]+$|^[f-]+$/.test(uuid) ? uuid : undefined
}
