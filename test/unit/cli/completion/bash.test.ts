import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { bashScript } from '../../../../src/lib/cli/completion/bash.js'
import { completionModel } from '../../../../src/lib/cli/completion/model.js'
import { projectConfig } from '../project.js'

const config = await projectConfig()
const folder = mkdtempSync(join(tmpdir(), 'acs-completion-'))
const script = join(folder, 'acs.bash')
writeFileSync(script, bashScript(completionModel('acs', config.commands, config.topics)))
// Stands for acs: answers with what it was asked, and with a name that needs quoting.
writeFileSync(join(folder, 'acs'), '#!/bin/sh\necho "asked-$2"\necho "two words"\necho "$@" > "$0.asked"\n')
chmodSync(join(folder, 'acs'), 0o755)
afterAll(() => rmSync(folder, { recursive: true }))

/** What a TAB at the end of the words offers, by real bash. */
async function offers(...words: string[]): Promise<string[]> {
  const program = 'source "$0"; COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; _acs; printf "%s\\n" "${COMPREPLY[@]}"'
  const { stdout } = await promisify(execFile)('bash', ['-c', program, script, 'acs', ...words], {
    env: { PATH: `${folder}${delimiter}${process.env.PATH ?? ''}` },
  })
  return stdout.split('\n').filter((line) => line !== '')
}

describe('TAB', () => {
  test.each<[string[], string[]]>([
    [['clu'], ['cluster']],
    [
      ['task', ''],
      ['cancel', 'list', 'show', 'wait'],
    ],
    [
      ['ctr', ''],
      ['create', 'delete', 'list', 'show', 'update'],
    ],
    [['ctr', 'ls', '--col'], ['--columns']],
    [['container', 'list', '-o', 'j'], ['json']],
    [
      ['container', 'list', '--output='],
      ['table', 'json', 'yaml', 'name'],
    ],
    [['container', 'list', '--output=y'], ['yaml']],
    [
      ['completion', ''],
      ['bash', 'zsh'],
    ],
    [
      ['cluster', 'show', '--endpoint', 'x', '--no-'],
      ['--no-input', '--no-color'],
    ],
    [['cluster', 'show', ''], []],
    [['nonsense', ''], []],
  ])('%j offers %j', async (words, expected) => {
    expect(await offers(...words)).toEqual(expected)
  })

  test('names are asked of the cluster, and quoted for the shell', async () => {
    expect(await offers('task', 'show', '')).toEqual(['asked-tasks', 'two\\ words'])
    expect(await offers('cluster', 'show', '--context', '')).toEqual(['asked-contexts', 'two\\ words'])
    expect(await offers('task', 'show', '--timeout', '5s', '')).toEqual(['asked-tasks', 'two\\ words'])
  })

  test('after an @, which bash takes for a break, only the rest is replaced', async () => {
    writeFileSync(join(folder, 'acs'), '#!/bin/sh\necho "db@before"\n')
    expect(await offers('task', 'show', 'db@b')).toEqual(['before'])
    expect(await offers('task', 'show', 'd')).toEqual(['db@before'])
  })

  test('a place to mount at is a folder', async () => {
    expect(await offers('volume', 'mount', 'db', '/usr/li')).toContain('/usr/lib')
  })

  test('a second argument where there is one only offers nothing', async () => {
    expect(await offers('task', 'show', 'abc', '')).toEqual([])
  })

  test('hidden commands are not offered', async () => {
    expect(await offers('')).not.toContain('__complete')
    expect(await offers('')).toContain('help')
  })
})
