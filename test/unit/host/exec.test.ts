import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deadlineIn, noDeadline } from '../../../src/lib/base/deadline.js'
import { createRunner, type HostLog } from '../../../src/lib/host/exec.js'
import { findProcesses } from '../../../src/lib/host/processes.js'

const runner = createRunner()
const soon = () => deadlineIn(20_000)

describe('runner', () => {
  it('gives exit code, stdout and stderr, and takes stdin', async () => {
    const echoed = await runner.run('sh', ['-c', 'cat; echo talk >&2; exit 3'], {
      deadline: soon(),
      input: 'data\n',
      okExitCodes: [3],
    })
    expect(echoed).toEqual({ exitCode: 3, stdout: 'data\n', stderr: 'talk\n' })
  })

  it('gives children the C locale, the root folder, the sbin folders, and no password of ours', async () => {
    process.env.ACS_PASSWORD = 'hunter2'
    try {
      const { stdout } = await runner.run('sh', ['-c', 'pwd; env'], { deadline: soon(), env: { EXTRA: '1' } })
      expect(stdout).toMatch(/^\/\n/)
      expect(stdout).toContain('LC_ALL=C')
      expect(stdout).toMatch(/^PATH=.*\/usr\/sbin/m)
      expect(stdout).toContain('EXTRA=1')
      expect(stdout).not.toContain('hunter2')
    } finally {
      delete process.env.ACS_PASSWORD
    }
  })

  it('reports a failure with the exit code and the end of stderr', async () => {
    await expect(runner.run('sh', ['-c', 'echo why >&2; exit 4'], { deadline: soon() })).rejects.toMatchObject({
      code: 'EACSCOMMAND',
      kind: 'failed',
      details: { exitCode: 4, stderr: 'why' },
    })
    await expect(runner.run('sh', ['-c', 'kill -9 $$'], { deadline: soon() })).rejects.toMatchObject({
      code: 'EACSCOMMAND',
      message: expect.stringContaining('SIGKILL') as string,
    })
  })

  it('names the package of a missing tool', async () => {
    const empty = createRunner({ path: '/nonexistent' })
    await expect(empty.run('iscsiadm', [], { deadline: soon() })).rejects.toMatchObject({
      code: 'EACSTOOLMISSING',
      kind: 'precondition',
      hints: ['apt-get install open-iscsi'],
    })
  })

  it('ends the whole group on a timeout, also when it ignores TERM', async () => {
    const mark = `acs-test-${process.pid}-${Date.now()}`
    const script = `trap '' TERM; sh -c 'trap "" TERM; while :; do sleep 0.1; done' ${mark} & while :; do sleep 0.1; done`
    const startedAt = performance.now()
    await expect(runner.run('sh', ['-c', script], { deadline: soon(), timeoutMs: 200 })).rejects.toMatchObject({
      code: 'EACSTIMEOUT',
    })
    expect(performance.now() - startedAt).toBeLessThan(4_000)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await findProcesses('/proc', (argv) => argv.includes(mark))).toEqual([])
  })

  it('ends at the deadline and at Ctrl-C, each with its own error', async () => {
    await expect(runner.run('sleep', ['9'], { deadline: deadlineIn(100) })).rejects.toMatchObject({
      code: 'EACSTIMEOUT',
    })
    const cancel = new AbortController()
    setTimeout(() => cancel.abort(), 100)
    await expect(runner.run('sleep', ['9'], { deadline: deadlineIn(60_000, cancel.signal) })).rejects.toMatchObject({
      code: 'EACSINTERRUPTED',
    })
  })

  it('caps what it keeps of the output', async () => {
    await expect(runner.run('yes', [], { deadline: soon() })).rejects.toMatchObject({
      code: 'EACSCOMMAND',
      message: expect.stringContaining('8 MiB') as string,
    })
  })

  describe('log', () => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'acs-exec-'))
      await writeFile(join(folder, 'tool'), '#!/bin/sh\necho "password=opensesame" >&2\nexit 1\n')
      await chmod(join(folder, 'tool'), 0o755)
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    it('shows commands without secrets, and so do errors', async () => {
      const lines: string[] = []
      const log: HostLog = {
        debug: (fields, message) => lines.push(JSON.stringify({ ...fields, message })),
        warn: () => undefined,
      }
      const failing = createRunner({ log }).run(join(folder, 'tool'), ['iscsi://joe%opensesame@host/t/0'], {
        deadline: noDeadline,
      })
      const error: unknown = await failing.catch((thrown: unknown) => thrown)
      expect(JSON.stringify([error, (error as Error).message])).not.toContain('opensesame')
      expect(lines.join()).toContain('iscsi://***@host')
      expect(lines.join()).not.toContain('opensesame')
    })
  })
})
