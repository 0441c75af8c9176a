import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../../unit/cli/project.js'
import { keepFiles } from '../../secrets/evidence.js'
import { startMountedLab, type MountedLab } from '../volume/mounted-lab.js'
import { dockerDaemon, type DockerDaemon } from './docker-daemon.js'
import { settled } from './served-plugin.js'
import { keepLocalPages, talkativeConfig } from './talkative.js'

const exec = promisify(execFile)

/** A Docker daemon of its own, a simulated cluster, and acs packaged as that daemon's managed plugin. */
export interface ManagedLab extends Pick<DockerDaemon, 'docker' | 'ok'> {
  cluster: MountedLab
  /** Everything of Docker's is below. */
  folder: string
  /** The plugin's name in Docker, unlike any other on this machine. */
  name: string
  /** Its settings, `ACS_PLUGIN_CONFIG` of the environment. */
  configFile: string
  /** `docker plugin create` and `set`, not yet enabled. `settings` win over the cluster's. */
  install: (settings?: Record<string, string>) => Promise<void>
  /** Pid of the plugin's process, which has an argument of its own: the socket. */
  pluginPid: () => Promise<number>
  startDaemon: DockerDaemon['start']
  stopDaemon: DockerDaemon['stop']
  /** What dockerd and the plugin have said. */
  logs: () => string
  /** What is left of volumes once everything lingering is detached; empty when clean. */
  settled: () => Promise<string[]>
  close: () => Promise<void>
}

export async function startManagedLab(): Promise<ManagedLab> {
  const cluster = await startMountedLab()
  // Not below the test runner's folder: containerd's sockets have long names.
  const folder = await mkdtemp(join('/tmp', 'acs-mp-'))
  const name = `acs-t-${randomBytes(3).toString('hex')}`
  const configFile = join(folder, 'plugin.yaml')
  await writeFile(
    configFile,
    `docker: ${folder}/docker.sock\npeer: { listen: '127.0.0.1:0' }\nlinger: 1s\n${talkativeConfig(folder)}\n`,
  )
  await packagePlugin(join(folder, 'plugin'), join(folder, 'mnt'))
  const daemon = dockerDaemon(folder)
  const { docker, ok } = daemon
  /** dockerd leaves the folders of plugins' sockets to the next boot. */
  const socketFolders = new Set<string>()
  const pluginPid = async (): Promise<number> => {
    const { stdout } = await exec('pgrep', ['--full', `${folder}/data/.*/run.js plugin serve`])
    const [pid, other] = stdout.trim().split('\n').map(Number)
    if (pid === undefined || other !== undefined) throw new Error(`one plugin was to run, not ${stdout}`)
    return pid
  }

  await daemon.start()
  await daemon.importImage()

  return {
    cluster,
    folder,
    name,
    configFile,
    docker,
    ok,
    async install(settings = {}) {
      await ok('plugin', 'create', name, join(folder, 'plugin'))
      const all = { ...cluster.env, ACS_PLUGIN_CONFIG: configFile, ...settings }
      socketFolders.add(join('/run/docker/plugins', await ok('plugin', 'inspect', '-f', '{{.Id}}', name)))
      await ok('plugin', 'set', name, ...Object.entries(all).map(([key, value]) => `${key}=${value}`))
    },
    pluginPid,
    startDaemon: daemon.start,
    stopDaemon: daemon.stop,
    logs: daemon.log,
    settled: () => settled(cluster),
    async close() {
      await daemon.removeContainers()
      await keepLocalPages(folder, cluster.env.ACS_RUN_DIR!)
      // Kept as the output of every process is.
      await docker('plugin', 'inspect', name)
      await docker('plugin', 'disable', '-f', name)
      await docker('plugin', 'rm', '-f', name)
      // Also the folder of volumes, which stays a mount point of its own.
      await daemon.close()
      await cluster.close()
      for (const socketFolder of socketFolders) await rm(socketFolder, { recursive: true, force: true })
      keepFiles(folder)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** As `npm run package:plugin` does, with volumes in a folder of this test's. */
async function packagePlugin(out: string, volumes: string): Promise<void> {
  await exec(process.execPath, [join(projectRoot, 'scripts', 'package-plugin.mjs'), '--out', out])
  const file = join(out, 'config.json')
  const config = JSON.parse(await readFile(file, 'utf8')) as {
    propagatedMount: string
    env: { name: string; value?: string }[]
  }
  config.propagatedMount = volumes
  for (const variable of config.env) if (variable.name === 'ACS_PLUGIN_FOLDER') variable.value = volumes
  await writeFile(file, JSON.stringify(config))
}
