// What is generated from the commands and committed. Needs a built dist/acs.cjs.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Plugin } from '@oclif/core'
import { tsImport } from 'tsx/esm/api'
import { root } from './commands.mjs'

/** Files as they should be: `[{path, content}]`. */
export async function generated() {
  const manifest = await readManifest()
  const files = [
    { path: join(root, 'oclif.manifest.json'), content: json(manifest) },
    { path: join(root, 'test', 'unit', 'cli', 'commands-snapshot.json'), content: json(snapshot(manifest)) },
  ]
  const readme = join(root, 'README.md')
  if (existsSync(readme))
    files.push({ path: readme, content: withCommandTable(readFileSync(readme, 'utf8'), manifest) })
  const checks = join(root, 'docs', 'plugin-check.md')
  files.push({ path: checks, content: withCheckTables(readFileSync(checks, 'utf8'), await pluginChecks()) })
  return files
}

/** oclif's own manifest, in a stable order: help and parsing start from it without loading any command. */
async function readManifest() {
  const plugin = new Plugin({
    root,
    isRoot: true,
    ignoreManifest: true,
    respectNoCacheDefault: true,
    errorOnManifestCreate: true,
  })
  await plugin.load()
  const commands = Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1))
  // Where the class was on the machine that built it says nothing.
  for (const [, command] of commands)
    for (const key of ['pluginName', 'pluginAlias', 'pluginType', 'isESM', 'relativePath']) delete command[key]
  return { commands: Object.fromEntries(commands), version: plugin.manifest.version }
}

/** The contract with scripts: which commands, arguments and flags there are. Prose is free to change. */
function snapshot(manifest) {
  return Object.fromEntries(
    Object.entries(manifest.commands).map(([id, command]) => [
      id.replaceAll(':', ' '),
      {
        args: Object.values(command.args).map((arg) => (arg.required ? arg.name : `[${arg.name}]`)),
        flags: Object.values(command.flags).map(flagText).sort(),
        ...(command.hidden ? { hidden: true } : {}),
      },
    ]),
  )
}

/** `--output|-o=table,json`, `--wait!` (also --no-wait), `--size=*` (required), `--filter=...` (may be repeated). */
function flagText(flag) {
  const name = `--${flag.name}${flag.char ? `|-${flag.char}` : ''}`
  if (flag.type === 'boolean') return `${name}${flag.allowNo ? '!' : ''}`
  const values = flag.options ? flag.options.join(',') : flag.required ? '*' : ''
  return `${name}=${values}${flag.multiple ? '...' : ''}`
}

/** The README with the table between its markers made anew; unchanged when it has none. */
export function withCommandTable(readme, manifest) {
  const rows = Object.entries(manifest.commands)
    .filter(([, command]) => !command.hidden)
    .map(([id, command]) => `| \`acs ${usage(id, command)}\` | ${(command.summary ?? '').replaceAll('|', '\\|')} |`)
  const table = ['| command | what it does |', '|---|---|', ...rows].join('\n')
  return readme.replace(/(<!-- commands -->)[\s\S]*?(<!-- commandsstop -->)/, `$1\n\n${table}\n\n$2`)
}

/** What `acs plugin check` can check, from the sources: the program finds a new command only by a manifest that is made here. */
async function pluginChecks() {
  const { allChecks } = await tsImport('../src/lib/plugin/check/all-checks.ts', import.meta.url)
  return allChecks
}

/** The page with its table of checks made anew, one an area. */
function withCheckTables(page, checks) {
  const areas = [...new Set(checks.map(areaOf))]
  const tables = areas.map((area) => {
    const rows = checkTable(checks.filter((check) => areaOf(check) === area))
    return [`### ${area}`, '', ...rows].join('\n')
  })
  return page.replace(/(<!-- checks -->)[\s\S]*?(<!-- checksstop -->)/, `$1\n\n${tables.join('\n\n')}\n\n$2`)
}

function areaOf({ id }) {
  return id.split('.')[0]
}

function checkTable(checks) {
  const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
  const rows = checks.map(
    ({ id, severity, title, why, source, uses = [] }) =>
      `| \`${id}\` | ${severity} | ${cell(title)} | ${cell(why)} | ${cell(source)} | ${uses.join(', ')} |`,
  )
  return ['| check | | what holds | why | source | uses |', '|---|---|---|---|---|---|', ...rows]
}

function usage(id, command) {
  const args = Object.values(command.args).filter((arg) => !arg.hidden)
  return [
    id.replaceAll(':', ' '),
    ...args.map((arg) => (arg.required ? arg.name.toUpperCase() : `[${arg.name.toUpperCase()}]`)),
  ].join(' ')
}

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`
}
