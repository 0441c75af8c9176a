import { randomUUID } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createRunner } from '../../../src/lib/host/exec.js'
import { deleteNodeRecord, ensureNodeRecord, login, nodeRecordFile } from '../../../src/lib/host/iscsi/iscsiadm.js'
import { machineRoots } from '../../../src/lib/host/roots.js'
import { requirement } from '../../requirements.js'
import { run } from './loop-image.js'

const able = requirement('node records of open-iscsi', ['root', { tool: 'iscsiadm' }, { folder: '/etc/iscsi' }])
const soon = () => deadlineIn(30_000)

// Real iscsiadm and its database; neither iscsid nor the kernel is asked. A port that nobody listens on.
describe.skipIf(!able).each(['127.0.0.1:1', '[::1]:1'])('node records of open-iscsi at %s', (portal) => {
  const runner = createRunner()
  const target = { portal, targetName: `iqn.2026-01.io.acs.test:${randomUUID()}` }
  afterAll(() => deleteNodeRecord(runner, target, soon()))

  it('are read back by iscsiadm with our settings and the CHAP name, and hold the secret in a 0600 file', async () => {
    const chap = { username: 'acs', secret: 'S3cret-value' }
    await ensureNodeRecord(runner, machineRoots, { ...target, chap }, soon())
    const file = (await nodeRecordFile(machineRoots, target)) ?? ''
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).toContain('node.session.auth.password = S3cret-value')
    const { stdout } = await run('iscsiadm', ['-m', 'node', '-T', target.targetName, '-p', portal])
    for (const line of [
      'node.startup = manual',
      'node.session.scan = manual',
      'node.session.timeo.replacement_timeout = 120',
      'node.session.initial_login_retry_max = 1',
      'node.conn[0].timeo.login_timeout = 10',
      'node.session.auth.authmethod = CHAP',
      'node.session.auth.username = acs',
    ])
      expect(stdout).toContain(line)
    expect(stdout).not.toContain('S3cret-value')
  })

  it('are renewed without CHAP, and deleted twice', async () => {
    await ensureNodeRecord(runner, machineRoots, target, soon())
    const record = await readFile((await nodeRecordFile(machineRoots, target)) ?? '', 'utf8')
    expect(record).toContain('authmethod = None')
    expect(record).not.toContain('S3cret-value')
    await deleteNodeRecord(runner, target, soon())
    expect(await nodeRecordFile(machineRoots, target)).toBeUndefined()
    await deleteNodeRecord(runner, target, soon())
    await expect(login(runner, target, soon())).rejects.toMatchObject({ code: 'EACSNOSESSION' })
  })
})
