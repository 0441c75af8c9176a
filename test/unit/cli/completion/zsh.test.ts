import { expect, test } from 'vitest'
import { completionModel } from '../../../../src/lib/cli/completion/model.js'
import { zshScript } from '../../../../src/lib/cli/completion/zsh.js'
import { projectConfig } from '../project.js'

const config = await projectConfig()
const script = zshScript(completionModel('acs', config.commands, config.topics))

test('every visible command has its flags with their summaries, and none that is hidden', () => {
  for (const command of config.commands) {
    const words = command.id.replaceAll(':', ' ')
    if (command.hidden) expect(script).not.toContain(`'${words}')\n`)
    else expect(script).toContain(`'${words}')\n      _arguments`)
  }
  expect(script).toMatch(/'\*--output\[How to print .*\(table json yaml name\)'/)
})

test('brackets, colons and quotes in summaries do not break a specification', () => {
  const model = completionModel('acs', [], [])
  const flag = { spellings: ['--x'], summary: "it's [a]: b", takesValue: false, options: [], kind: 'none' as const }
  model.commands.push({ words: 'x', summary: '', flags: [flag], args: [] })
  expect(zshScript(model)).toContain(String.raw`'*--x[it'\''s \[a\]\: b]'`)
})
