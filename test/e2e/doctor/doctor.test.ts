import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { findProcesses, waitForEnd, type ProcessIdentity } from '../../../src/lib/host/processes.js'
import { canMount, startMountedLab, type MountedLab } from '../volume/mounted-lab.js'

const able = canMount('acs doctor with real disks')

interface Told {
  id: string
  severity: string
  about: string | null
  evidence: string[]
  fix: string | null
}

type Section = Told & { section: string }

describe.skipIf(!able)('acs doctor with real disks', () => {
  let lab: MountedLab
  beforeEach(async () => {
    lab = await startMountedLab()
    await lab.json('volume create db --size 64M')
  })
  afterEach(async () => {
    // A test that failed may have left a disk that waits for its cluster; its I/O must end before it can be unmounted.
    if (await isCutOff()) await killDaemon()
    await lab.close()
  })

  async function doctor(args = ''): Promise<{ findings: Section[]; planned?: string[]; fixes?: { words: string }[] }> {
    const { stdout, stderr } = await lab.run(`doctor ${args} --json`)
    expect(stderr).toBe('')
    const { result } = JSON.parse(stdout) as { result: Awaited<ReturnType<typeof doctor>> }
    for (const fix of result.fixes ?? []) expect(fix, fix.words).not.toHaveProperty('error')
    return result
  }

  /** What is not well of this lab; the machine's own Docker and other tests' sockets are none of its business. */
  async function ills(args = ''): Promise<Told[]> {
    return (await doctor(args)).findings.filter(
      ({ section, severity }) => (section === 'drift' || section === 'cluster') && severity !== 'ok',
    )
  }

  async function killDaemon(): Promise<void> {
    const daemon = await findDaemon()
    if (!daemon) throw new Error('no storage daemon')
    process.kill(daemon.pid, 'SIGKILL')
    await waitForEnd('/proc', daemon, deadlineIn(10_000))
  }

  async function findDaemon(): Promise<ProcessIdentity | undefined> {
    const ours = join(lab.folder, 'run')
    return (await findProcesses('/proc', (argv) => argv.some((arg) => arg.startsWith(ours))))[0]
  }

  async function isCutOff(): Promise<boolean> {
    if (!(await findDaemon())) return false
    const [group] = await lab.prism.volumeGroups().catch(() => [])
    return (await lab.leftovers()).length > 0 && (group === undefined || group.attachments.length === 0)
  }

  async function letNobodyIn(): Promise<void> {
    const [group] = await lab.prism.volumeGroups()
    if (!group) throw new Error('no group')
    await lab.prism.updateVolumeGroup(await lab.prism.volumeGroup(group.uuid), { allowedInitiators: [] })
  }

  it('finds nothing where all is well, and leaves it so', async () => {
    await lab.run(`volume mount db --path ${lab.place('db')}`)
    const before = await lab.leftovers()
    expect(await ills()).toEqual([])
    expect(await ills('--fix --yes')).toEqual([])
    expect(await lab.leftovers()).toEqual(before)
    const { stdout } = await lab.run('doctor')
    expect(stdout).toMatch(/^This machine\n {2}ok {7}Node\.js/)
    expect(stdout).toMatch(/ok {7}logged in to/)
    expect(stdout).toMatch(/ok {7}this machine's clock agrees/)
    await lab.run('volume unmount db')
  })

  it('takes a volume off this machine that the cluster gave to nobody', async () => {
    await lab.run(`volume mount db --path ${lab.place('db')}`)
    await letNobodyIn()
    expect(await ills()).toMatchObject([
      { id: 'lost-volume', severity: 'problem', about: 'db', fix: 'take db off this machine' },
    ])
    expect((await doctor('--fix --dry-run')).planned).toContain('take db off this machine')
    expect(await lab.leftovers()).not.toEqual([])
    expect(await ills('--fix --yes')).toEqual([])
    expect(await lab.leftovers()).toEqual([])
  })

  it('unmounts what has lost its disk, and then gives the volume back', async () => {
    await lab.run(`volume mount db --path ${lab.place('db')}`)
    await killDaemon()
    expect(await ills()).toMatchObject([{ id: 'dead-mount', about: lab.place('db') }])
    expect(await ills('--fix --yes')).toMatchObject([{ id: 'idle-hold', about: 'db' }])
    expect(await ills('--fix --yes')).toEqual([])
    expect(await lab.leftovers()).toEqual([])
    expect((await lab.prism.volumeGroups())[0]?.attachments).toEqual([])
  })

  it('sweeps an attach that ended half-way', async () => {
    await lab.run('volume attach db')
    await killDaemon()
    expect(await ills()).toMatchObject([{ id: 'leftover', about: 'userspace' }])
    await ills('--fix --yes')
    expect(await ills('--fix --yes')).toEqual([])
    expect(await lab.leftovers()).toEqual([])
  })

  it('names the command that ends what was begun, and that command does', async () => {
    await lab.run(`volume mount db --path ${lab.place('db')}`, { ACS_TEST_CRASH: '1', ACS_CRASH_AT: 'mount:before' })
    const [unfinished] = (await ills()).filter(({ id }) => id === 'unfinished')
    expect(unfinished).toMatchObject({ about: 'db' })
    await lab.run('volume mount db --path ' + lab.place('db'))
    expect(await ills()).toEqual([])
    await lab.run('volume unmount db')
  })

  it('cleans nothing while the cluster is away', async () => {
    await lab.run(`volume mount db --path ${lab.place('db')}`)
    await lab.simulator.close()
    const found = await ills('--fix --yes')
    expect(found.map(({ id }) => id)).toContain('outage')
    expect(found.filter(({ fix }) => fix !== null)).toEqual([])
    expect(await lab.leftovers()).toContain(`mounted: ${lab.place('db')}`)
    await killDaemon()
  })

  it('asks before it does anything', async () => {
    await lab.run(`volume mount db --path ${lab.place('db')}`)
    await letNobodyIn()
    expect(await lab.failure('doctor --fix')).toMatchObject({ exit: 2, code: 'EACSNOINPUT' })
    expect(await lab.leftovers()).not.toEqual([])
    await lab.run('doctor --fix --yes')
  })
})
