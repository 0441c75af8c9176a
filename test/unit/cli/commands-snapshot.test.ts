import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { destructiveFlags, listFlags } from '../../../src/lib/cli/flags.js'
import { projectConfig, projectRoot } from './project.js'

interface SnapshotEntry {
  args: string[]
  flags: string[]
  hidden?: boolean
}

const snapshot = JSON.parse(readFileSync(join(projectRoot, 'test/unit/cli/commands-snapshot.json'), 'utf8')) as Record<
  string,
  SnapshotEntry
>
// oclif lists aliases as commands of their own.
const commands = (await projectConfig()).commands.filter(
  (command) => ![...command.aliases, ...command.hiddenAliases].includes(command.id),
)

/** Commands, arguments and flags are a promise to scripts. A change here is a change of the promise: say so in CHANGELOG. */
describe('the snapshot of commands and flags (npm run manifest)', () => {
  test('holds every command there is, and no other', () => {
    const files = readdirSync(join(projectRoot, 'src/commands'), { recursive: true, encoding: 'utf8' })
    const ids = files
      .filter((path) => path.endsWith('.ts'))
      .map((path) => path.replace(/\.ts$/, '').split(sep).join(' '))
    expect(Object.keys(snapshot)).toEqual(ids.sort())
    expect(commands.map(({ id }) => id.replaceAll(':', ' ')).sort()).toEqual(ids)
  })

  test('holds every flag there is, and no other', () => {
    for (const command of commands) {
      const names = snapshot[command.id.replaceAll(':', ' ')]?.flags.map((flag) => /^--([\w-]+)/.exec(flag)?.[1]).sort()
      expect(names, command.id).toEqual(Object.keys(command.flags).sort())
    }
  })
})

describe('the grammar', () => {
  const visible = commands.filter((command) => !command.hidden)

  test.each(visible.map((command) => [command.id.replaceAll(':', ' '), command] as const))('acs %s', (_id, command) => {
    expect(command.summary, 'a summary that is a sentence').toMatch(/^[A-Z'].*\.$/)
    expect(command.examples?.length, 'an example').toBeGreaterThan(0)
    for (const [name, flag] of Object.entries(command.flags)) {
      expect(flag.summary ?? flag.description, `what --${name} does`).toMatch(/\S{2}/)
      // A value in argv is there for every user of the machine to read.
      if (flag.type === 'option') expect(name).not.toMatch(/^(password|secret|token)$|-(password|secret|token)$/)
    }
    for (const name of ['context', 'output', 'json', 'timeout', 'no-input']) expect(command.flags).toHaveProperty(name)
    const action = command.id.split(':').at(-1) ?? ''
    if (action === 'list') for (const name of Object.keys(listFlags)) expect(command.flags).toHaveProperty(name)
    if (action === 'delete')
      for (const name of Object.keys(destructiveFlags)) expect(command.flags).toHaveProperty(name)
  })
})
