import { describe, expect, test } from 'vitest'
import { Prompt } from '../../../src/lib/cli/prompt.js'

const nobody = (answers: { yes?: boolean; confirm?: string } = {}) =>
  new Prompt({ noInput: false, ...answers }, () => false)

describe('without a person', () => {
  test('each question is a usage error that names the flag which answers it', async () => {
    await expect(nobody().confirm('Format /dev/sdb?')).rejects.toMatchObject({
      kind: 'usage',
      code: 'EACSNOINPUT',
      message: 'This needs an answer, and there is no terminal to ask on: Format /dev/sdb?',
      hints: ['Pass --yes to say so without a question'],
    })
    await expect(nobody().typeBack('web', 'Its data goes.')).rejects.toMatchObject({
      hints: ['Pass --confirm web, or --yes, to say so without a question'],
    })
    await expect(nobody().password('Password:')).rejects.toMatchObject({
      hints: ['Pass --password-file FILE or --password-stdin'],
    })
  })

  test('--no-input forbids questions on a terminal too', async () => {
    const prompt = new Prompt({ noInput: true }, () => true)
    await expect(prompt.confirm('Sure?')).rejects.toMatchObject({ message: /--no-input forbids questions/ })
    expect(prompt.possible).toBe(false)
  })
})

describe('answers on the command line', () => {
  test('--yes and the right name go on', async () => {
    await expect(nobody({ yes: true }).confirm('Sure?')).resolves.toBeUndefined()
    await expect(nobody({ yes: true }).typeBack('web', '')).resolves.toBeUndefined()
    await expect(nobody({ confirm: 'web' }).typeBack('web', '')).resolves.toBeUndefined()
  })

  test('the wrong name stops, even with --yes', async () => {
    await expect(nobody({ yes: true, confirm: 'web2' }).typeBack('web', '')).rejects.toMatchObject({
      kind: 'usage',
      code: 'EACSCONFIRM',
    })
  })
})
