import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectRoot } from '../../integration/cli/acs.js'
import { startVolumeLab, type VolumeLab } from '../../integration/volume/lab.js'
import { requirement } from '../../requirements.js'

/**
 * Runs a command where some tools are not installed: in a mount namespace of its own, every folder acs looks into is covered
 * by links to all it holds but these. `$1`: an empty folder, `$2`: the tools; what is mounted before and after is kept beside `$1`.
 */
const withoutTools = `
set -e
hidden=$1 tools=$2
shift 2
mount -t tmpfs hidden "$hidden"
folders='/usr/local/sbin /usr/sbin /usr/local/bin /usr/bin'
for folder in $folders; do
  mkdir -p "$hidden/real$folder" "$hidden/links$folder"
  mount --bind "$folder" "$hidden/real$folder"
  find "$hidden/real$folder" -mindepth 1 -maxdepth 1 -exec ln -st "$hidden/links$folder" {} +
  for tool in $tools; do rm -f "$hidden/links$folder/$tool"; done
done
for folder in $folders; do mount --bind "$hidden/links$folder" "$folder"; done
cat /proc/self/mountinfo > "$hidden.before"
code=0
"$@" || code=$?
cat /proc/self/mountinfo > "$hidden.after"
exit $code
`

const kernel = { tool: 'iscsiadm', package: 'open-iscsi' }
const userspace = { tool: 'qemu-storage-daemon', package: 'qemu-system-common qemu-block-extra' }
const rows = ['mount', 'attach'].flatMap((verb) => [
  { verb, using: 'kernel', missing: [kernel] },
  { verb, using: 'userspace', missing: [userspace] },
  { verb, using: 'auto', missing: [kernel, userspace] },
])

const able = requirement('initiators that are not installed', ['root', { tool: 'unshare' }])

describe.skipIf(!able)('where the tools of an initiator are not installed', () => {
  let lab: VolumeLab
  let hidden: string
  beforeAll(async () => {
    lab = await startVolumeLab()
    hidden = join(lab.folder, 'hidden')
    await mkdir(hidden)
    await lab.json('volume create db --size 64M')
  })
  afterAll(() => lab.close())

  function acsWithout(tools: readonly string[], args: readonly string[]): Promise<{ code: number; stderr: string }> {
    const program = [process.execPath, join(projectRoot, 'bin', 'run.js'), ...args]
    const env = { ...lab.env, PATH: process.env.PATH, HOME: '/nonexistent', ACS_CONFIG: '/nonexistent/config.yaml' }
    return new Promise((resolve) => {
      execFile(
        'unshare',
        ['--mount', '--propagation', 'slave', 'sh', '-c', withoutTools, 'sh', hidden, tools.join(' '), ...program],
        { env },
        (error, _stdout, stderr) => resolve({ code: typeof error?.code === 'number' ? error.code : 0, stderr }),
      )
    })
  }

  it.each(rows)('volume $verb --using $using says so, and changes nothing', async ({ verb, using, missing }) => {
    const before = await lab.prism.volumeGroups()
    const place = join(lab.folder, 'place')
    const args = ['volume', verb, 'db', '--using', using, ...(verb === 'mount' ? ['--path', place] : [])]
    const tools = missing.map(({ tool }) => tool)
    const { code, stderr } = await acsWithout(tools, args)
    expect({ code, stderr }).toEqual({ code: 8, stderr: expect.stringContaining('Error (EACSNOINITIATOR)') as string })
    for (const each of missing) {
      expect(stderr).toContain(`${each.tool} is not installed`)
      expect(stderr).toContain(`\n  apt-get install ${each.package}\n`)
    }
    for (const { tool } of [kernel, userspace])
      if (!tools.includes(tool)) expect(stderr).not.toContain(`${tool} is not installed`)

    // The cluster: neither allowed initiators nor the record of a holder.
    expect(await lab.prism.volumeGroups()).toEqual(before)
    expect(before.map((group) => group.attachments)).toEqual([[]])
    expect(lab.simulator.state()).toMatchObject({ iscsiSessions: 0, iscsiClients: 0 })
    // The machine: no mount, no folder of a mount, no state.
    expect(await readFile(`${hidden}.after`, 'utf8')).toBe(await readFile(`${hidden}.before`, 'utf8'))
    expect(['place', 'state', 'run'].filter((name) => existsSync(join(lab.folder, name)))).toEqual([])
  })
})
