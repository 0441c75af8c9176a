import { execFile } from 'node:child_process'
import { chmod, cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectRoot } from '../../integration/cli/acs.js'
import { startVolumeLab, type VolumeLab } from '../../integration/volume/lab.js'
import { requirement } from '../../requirements.js'

const nobody = 65_534

describe.skipIf(!requirement('volumes without root', ['root']))('without root', () => {
  let lab: VolumeLab
  let program: string
  beforeAll(async () => {
    // The checkout may lie where only root can look.
    program = await mkdtemp(join(tmpdir(), 'acs-no-root-'))
    await chmod(program, 0o755)
    for (const part of ['bin', 'dist', 'package.json', 'oclif.manifest.json'])
      await cp(join(projectRoot, part), join(program, part), { recursive: true })
    lab = await startVolumeLab()
    await lab.json('volume create db --size 64M')
  })
  afterAll(async () => {
    await lab.close()
    await rm(program, { recursive: true })
  })

  async function asNobody(...args: string[]): Promise<{ code: number; document: unknown }> {
    const { ACS_PASSWORD_FILE = '', ACS_ENDPOINT, ACS_USERNAME, ACS_FINGERPRINT, ACS_DATA_SERVICES } = lab.env
    const env = { ACS_ENDPOINT, ACS_USERNAME, ACS_FINGERPRINT, ACS_DATA_SERVICES }
    const password = (await readFile(ACS_PASSWORD_FILE, 'utf8')).trim()
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [join(program, 'bin', 'run.js'), ...args, '--json'],
        {
          uid: nobody,
          gid: nobody,
          env: {
            ...env,
            ACS_PASSWORD: password,
            PATH: process.env.PATH,
            HOME: '/nonexistent',
            XDG_STATE_HOME: '/nonexistent',
          },
        },
        (error, stdout, stderr) => {
          if (stdout === '') reject(new Error(`no answer: ${stderr}`))
          else resolve({ code: typeof error?.code === 'number' ? error.code : 0, document: JSON.parse(stdout) })
        },
      )
    })
  }

  it.each(['mount', 'attach'])('%s says what is missing, and changes nothing', async (verb) => {
    const before = await lab.prism.volumeGroups()
    const { code, document } = await asNobody('volume', verb, 'db')
    expect(code).toBe(8)
    expect(document).toMatchObject({ error: { message: expect.stringMatching(/root/i) as string } })
    expect(await lab.prism.volumeGroups()).toEqual(before)
  })

  it('the cluster can be administered all the same', async () => {
    expect(await asNobody('volume', 'list')).toMatchObject({ code: 0, document: { result: [{ name: 'db' }] } })
    expect(await asNobody('volume', 'explain', 'db')).toMatchObject({
      code: 0,
      document: { result: { state: 'free' } },
    })
    const attach = ['volume', 'attach', 'db', '--initiator', 'iqn.2000-01.x:one']
    expect(await asNobody(...attach)).toMatchObject({ code: 0 })
    expect(await asNobody('volume', 'detach', 'db', '--force', '--yes')).toMatchObject({ code: 0 })
    expect(await asNobody('volume', 'delete', 'db', '--yes')).toMatchObject({ code: 0 })
  })
})
