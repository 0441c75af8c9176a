import { captureOutput } from '@oclif/test'
import { expect, test } from 'vitest'
import { divertStdout, writeStdout } from '../../../src/lib/cli/stdout.js'

test('while diverted only data reaches stdout; afterwards everything does again', async () => {
  const { stdout, stderr } = await captureOutput(() => {
    const outer = divertStdout()
    console.log('a library talks')
    // A second diversion must neither hide the first nor end it.
    divertStdout().release()
    process.stdout.write('still talking\n')
    writeStdout('{}\n')
    outer.release()
    process.stdout.write('free\n')
    return Promise.resolve()
  })
  expect(stdout).toBe('{}\nfree\n')
  expect(stderr).toBe('a library talks\nstill talking\n')
})
