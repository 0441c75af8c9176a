import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { projectRoot } from '../cli/acs.js'

/** Runs leaky-process.ts with the same set-up as the e2e tests have. */
function runLeaking(how: string): Promise<{ code: number | null; said: string }> {
  const vitest = join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs')
  const config = join(import.meta.dirname, 'leaky.config.ts')
  const child = spawn(process.execPath, [vitest, 'run', '--config', config], {
    cwd: projectRoot,
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, NO_COLOR: '1', ACS_TEST_LEAK: how },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })))
}

it('a run without a leak passes, and says how much was looked at', async () => {
  const { code, said } = await runLeaking('nothing')
  expect(said).toMatch(/^secrets: 1 of 1 test files are in none of [1-9]\d* processes' arguments and \S+ MB of output/m)
  expect(code).toBe(0)
})

it.each([
  ['arguments', /^arguments of \d+: sh:1: Prism's password, plain: .*<here>$/m],
  ['output', /^stdout of sh -c printf %s "\$SECRET":1: Prism's password, escaped for JSON: /m],
  ['file', /^\S+\/some\.log:1: Prism's password, in base64(?:url)?, \d bytes behind: /m],
  ['open file', /^\S+\/password:1: Prism's password/m],
])('a secret in %s fails a run whose tests pass, and is named', async (how, told) => {
  const { code, said } = await runLeaking(how)
  expect(said).toMatch(/Tests +1 passed/)
  expect(said).toMatch(/\d+ times a secret was to be seen:/)
  expect(said).toMatch(told)
  expect(said).not.toContain('Pr"s%m')
  expect(code).toBe(1)
})
