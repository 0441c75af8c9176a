import { readFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createRunner } from '../../../src/lib/host/exec.js'
import { installPlugin } from '../../../src/lib/plugin/install/install.js'
import { requirement } from '../../requirements.js'
import { busyboxArchive } from './busybox-image.js'
import { outputOf, runTool, type Outcome } from './run-tool.js'
import { startServedPlugin, type ServedPlugin, type ServedPluginOptions } from './served-plugin.js'

/** Podman with storage of its own, a simulated cluster, and acs's plugin between them. */
export interface PodmanLab extends ServedPlugin {
  /** Runs podman; never throws. */
  podman: (...args: string[]) => Promise<Outcome>
  /** Its output, trimmed; throws when it fails. */
  ok: (...args: string[]) => Promise<string>
  /** `podman run` of the image that has busybox, with what every container of a test wants. */
  run: (...args: string[]) => Promise<string>
  image: string
}

export function canRunPodman(suite: string): boolean {
  return requirement(suite, [
    'root',
    'fuse',
    'loop',
    ...['qemu-storage-daemon', 'mkfs.ext4', 'podman', 'busybox'].map((tool) => ({ tool })),
  ])
}

export async function startPodmanLab(options: ServedPluginOptions = {}): Promise<PodmanLab> {
  const served = await startServedPlugin(options)
  const { folder } = served
  const configFile = join(folder, 'containers.conf')
  await writeFile(configFile, await containersConf(served))
  const places = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')]
  const kinds = ['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none']
  const env = { ...process.env, CONTAINERS_CONF: configFile }
  const all = (args: string[]): string[] => [...places, ...kinds, ...args]
  const podman = (...args: string[]): Promise<Outcome> => runTool('podman', all(args), { env })
  const ok = (...args: string[]): Promise<string> => outputOf('podman', all(args), { env })
  await ok('import', await busyboxArchive(folder), 'box')
  return {
    ...served,
    podman,
    ok,
    image: 'box',
    run: (...args) => ok('run', '--network', 'none', ...args),
    async close() {
      await podman('rm', '--all', '--force', '--time', '0')
      // Its storage is a mount point of its own.
      await runTool('umount', [join(folder, 'storage')])
      await served.close()
    },
  }
}

/** What `acs plugin install --podman` writes, and nothing of the machine's; two lines are this test's. */
async function containersConf({ driver, folder }: ServedPlugin): Promise<string> {
  const tree = join(folder, 'tree')
  await mkdir(tree)
  await installPlugin(
    { name: driver, program: ['/usr/bin/acs'], podman: true, prefix: tree, dryRun: false },
    { runner: createRunner(), deadline: deadlineIn(10_000), report: () => undefined },
  )
  const written = await readFile(join(tree, 'etc/containers/containers.conf.d/acs.conf'), 'utf8')
  // Locks in files, as the ones in memory are all Podmans'; limits that may be set also where root lacks CAP_SYS_RESOURCE.
  return [
    written.replace('[engine]', '[engine]\nlock_type = "file"'),
    '[containers]',
    'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]',
    '',
  ].join('\n')
}
