import { Flags } from '@oclif/core'
import type { JsonRecord } from './output/columns.js'

/** What installing or uninstalling the plugin did, or would do. */
interface Result {
  files: readonly { path: string; action: string }[]
  commands: readonly string[]
  next: readonly string[]
}

export function pluginNameFlag() {
  return Flags.string({ summary: 'Name of the volume driver in Docker.', default: 'nutanix' })
}

export function prefixFlag() {
  return Flags.string({
    summary: 'Work in this tree instead of /, as for a package; systemd is left alone.',
    helpValue: 'DIR',
  })
}

const planned: Readonly<Record<string, string>> = {
  written: 'write',
  replaced: 'replace',
  removed: 'remove',
  kept: 'keep',
}

/** A line for every file and command, then what is left to do. */
export function installText({ files, commands, next }: Result, dryRun: boolean): string {
  const width = 'unchanged'.length
  return [
    ...(dryRun ? ['Would do:'] : []),
    ...files.map(({ path, action }) => `${(dryRun ? (planned[action] ?? action) : action).padEnd(width)}  ${path}`),
    ...commands.map((command) => `${(dryRun ? 'run' : 'ran').padEnd(width)}  ${command}`),
    ...(next.length > 0 ? ['', 'Next:', ...next.map((step) => `  ${step}`)] : []),
  ].join('\n')
}

export function installRecord({ files, commands, next }: Result, dryRun: boolean): JsonRecord {
  return {
    dryRun,
    files: files.map(({ path, action }) => ({ path, action })),
    commands: [...commands],
    next: [...next],
  }
}
