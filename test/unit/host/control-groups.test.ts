import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { controlGroupFolders, joinControlGroups } from '../../../src/lib/host/control-groups.js'
import { parseMountinfo } from '../../../src/lib/host/mountinfo.js'
import { machineRoots } from '../../../src/lib/host/roots.js'

// Both from a kernel 6.18: version 1 with version 2 beside it.
const hybrid = parseMountinfo(`31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`)
const second = parseMountinfo('34 23 0:29 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n')

describe('controlGroupFolders', () => {
  it('finds a process in version 2', () => {
    expect(controlGroupFolders('0::/system.slice/containerd.service\n', second)).toEqual([
      '/sys/fs/cgroup/system.slice/containerd.service',
    ])
  })

  it('finds it in every hierarchy of version 1 that is mounted, and in version 2 beside them', () => {
    const text = `9:name=systemd:/docker.service
8:pids:/
4:memory:/a:b/c
1:cpu,cpuacct:/
0::/unified
`
    expect(controlGroupFolders(text, hybrid)).toEqual([
      '/sys/fs/cgroup/systemd/docker.service',
      '/sys/fs/cgroup/memory/a:b/c',
      '/sys/fs/cgroup/cpu,cpuacct',
      '/sys/fs/cgroup/unified/unified',
    ])
  })

  it('finds it where a mount shows a part of the hierarchy', () => {
    const part = parseMountinfo('34 23 0:29 /docker/0123 /sys/fs/cgroup rw - cgroup2 cgroup rw\n')
    expect(controlGroupFolders('0::/docker/0123/inner\n', part)).toEqual(['/sys/fs/cgroup/inner'])
  })
})

describe('joinControlGroups', () => {
  let root: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'acs-cgroups-'))
    for (const folder of ['proc/self', 'proc/1', 'proc/2', 'groups/shim', 'groups/plugin'])
      await mkdir(join(root, folder), { recursive: true })
    await writeFile(join(root, 'proc/self/mountinfo'), `34 23 0:29 / ${root}/groups rw - cgroup2 cgroup2 rw\n`)
    await writeFile(join(root, 'proc/1/cgroup'), '0::/shim\n')
    await writeFile(join(root, 'proc/2/cgroup'), '0::/plugin\n')
  })
  afterEach(() => rm(root, { recursive: true }))

  it('writes the pid where the other process is', async () => {
    const roots = { ...machineRoots, proc: join(root, 'proc') }
    // No kernel moves anything here, which is also what an unnoticed failure would look like.
    await expect(joinControlGroups(roots, 2, 1)).rejects.toMatchObject({ code: 'EACSCGROUP' })
    expect(await readFile(join(root, 'groups/shim/cgroup.procs'), 'utf8')).toBe('2')
    await writeFile(join(root, 'proc/2/cgroup'), '0::/shim\n')
    await joinControlGroups(roots, 2, 1)
  })

  it('says so when it may not', async () => {
    await rm(join(root, 'groups'), { recursive: true })
    const roots = { ...machineRoots, proc: join(root, 'proc') }
    await expect(joinControlGroups(roots, 2, 1)).rejects.toMatchObject({
      code: 'EACSCGROUP',
      message: expect.stringContaining('ENOENT') as string,
    })
  })
})
