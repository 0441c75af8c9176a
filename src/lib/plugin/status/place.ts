import { join } from 'node:path'

/** The socket on which a running plugin tells of itself: one a host and name, beside the other sockets of acs. */
export function statusSocketPath(runtimeFolder: string, name: string): string {
  return join(runtimeFolder, `plugin-${name}.sock`)
}

/** The driver's name in a file name of the runtime folder; undefined for any other file. */
export function statusSocketName(file: string): string | undefined {
  return /^plugin-([a-z0-9][a-z0-9_.-]*)\.sock$/.exec(file)?.[1]
}
