import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deadlineIn } from '../../base/deadline.js'
import { isAcsError } from '../../base/errors.js'
import type { Runner } from '../../host/host.js'
import type { VmRecord } from '../store/machine-records.js'
import { errorCodes, WireError } from '../wire-error.js'

/**
 * Writes the ISO from which cloud-init takes a machine's first words: OpenStack's config drive, as AHV makes it
 * (nutanix docs: `config_drive_version: 2`; recorded: 382,976 bytes).
 *
 * @param path of the drive's disk, replaced as a whole
 */
export async function writeConfigDrive(run: Runner, vm: VmRecord, path: string, workFolder: string): Promise<void> {
  const { userData, userDataPath } = vm.customization ?? {}
  if (userData === undefined && userDataPath !== undefined)
    throw new WireError(500, `The simulator cannot read user data from ${userDataPath}`, errorCodes.badRequest)
  const folder = await mkdtemp(join(workFolder, 'config-drive-'))
  try {
    const latest = join(folder, 'tree', 'openstack', 'latest')
    await mkdir(latest, { recursive: true })
    await writeFile(join(latest, 'user_data'), userData ?? '', { mode: 0o600 })
    const metaData = { uuid: vm.uuid, hostname: vm.name, name: vm.name }
    await writeFile(join(latest, 'meta_data.json'), JSON.stringify(metaData), { mode: 0o600 })
    const iso = join(folder, 'config-2.iso')
    const argv = ['-quiet', '-joliet', '-rock', '-volid', 'config-2', '-output', iso, join(folder, 'tree')]
    try {
      await run.run('genisoimage', argv, { deadline: deadlineIn(60_000) })
    } catch (error) {
      if (!isAcsError(error, 'EACSTOOLMISSING')) throw error
      throw new WireError(500, 'A config drive needs genisoimage on the machine of the simulator', errorCodes.general)
    }
    await rename(iso, path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
