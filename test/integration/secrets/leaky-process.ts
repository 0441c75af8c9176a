/** A test file that shows secrets; leak.test.ts runs it by a Vitest of its own, as the e2e tests are run. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { keepFiles } from '../../secrets/evidence.js'
import { prismPassword } from '../../secrets/secrets.js'

const how = process.env.ACS_TEST_LEAK ?? ''

it('shows a secret, or does not', async () => {
  const password = prismPassword()
  expect(password).toMatch(/^Pr"s%m/)
  const run = (command: string, args: string[], env: Record<string, string> = {}): Promise<unknown> =>
    new Promise((resolve) =>
      spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'ignore'] }).once(
        'close',
        resolve,
      ),
    )
  // Two that nobody here starts directly: only the watch over all processes sees its arguments, and only a file its words.
  if (how === 'arguments')
    await run('sh', ['-c', 'sleep 1 & exec sh -c "sleep 0.5; :" "$SECRET"'], { SECRET: password })
  if (how === 'output') await run('sh', ['-c', 'printf %s "$SECRET"'], { SECRET: JSON.stringify(password) })
  if (how === 'file' || how === 'open file') {
    const folder = mkdtempSync(join(tmpdir(), 'acs-leaky-'))
    const name = how === 'file' ? 'some.log' : 'password'
    writeFileSync(join(folder, name), `${Buffer.from(`admin:${password}`).toString('base64')}\n`, { mode: 0o644 })
    keepFiles(folder)
    rmSync(folder, { recursive: true })
  }
})
