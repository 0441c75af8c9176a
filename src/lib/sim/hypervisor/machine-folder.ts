import { join } from 'node:path'
import { errorCodes, WireError } from '../wire-error.js'
import type { MachineFiles } from './qemu-arguments.js'

/** A Unix socket's name: unix(7), sun_path. */
const longestSocketPath = 107

export interface MachineFolder {
  path: string
  files: Omit<MachineFiles, 'memory'>
  /** A suspended machine's memory. */
  memory: string
  /** UEFI's variables. */
  variables: string
}

/** What a machine has besides its disks. */
export function machineFolder(folder: string, vmUuid: string): MachineFolder {
  const path = join(folder, vmUuid)
  const qmp = join(path, 'qmp')
  if (qmp.length > longestSocketPath)
    throw new WireError(
      500,
      `The simulator's data folder has too long a name to boot machines: ${qmp} is a socket, which may have ${longestSocketPath} characters`,
      errorCodes.general,
    )
  return {
    path,
    files: { qmp, pid: join(path, 'pid'), console: join(path, 'console.log'), log: join(path, 'qemu.log') },
    memory: join(path, 'memory'),
    variables: join(path, 'uefi-variables.fd'),
  }
}
