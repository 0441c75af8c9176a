import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

const kinds = {
  config: { variable: 'XDG_CONFIG_HOME', below: '.config' },
  data: { variable: 'XDG_DATA_HOME', below: '.local/share' },
  state: { variable: 'XDG_STATE_HOME', below: '.local/state' },
} as const

/** This user's folder of acs for one kind of files, by the XDG base directory specification, which asks to ignore a relative path. */
export function userFolder(
  kind: keyof typeof kinds,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const { variable, below } = kinds[kind]
  const base = env[variable]
  if (base !== undefined && isAbsolute(base)) return join(base, 'acs')
  return join(env.HOME || homedir(), below, 'acs')
}

/** Whether acs acts for the machine: root's files are the system's, a user's are his own. */
export function isRoot(): boolean {
  return process.getuid?.() === 0
}
