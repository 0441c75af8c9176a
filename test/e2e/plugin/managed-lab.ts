import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../../unit/cli/project.js'
import { keepFiles } from '../../secrets/evidence.js'
import { startMountedLab, type MountedLab } from '../volume/mounted-lab.js'
import { importBusybox, until, type Outcome } from './docker-lab.js'
import { keepLocalPages, talkativeConfig } from './talkative.js'

const exec = promisify(execFile)

/** A Docker daemon of its own, a simulated cluster, and acs packaged as that daemon's managed plugin. */
export interface ManagedLab {
  cluster: MountedLab
  /** Everything of Docker's is below. */
  folder: string
  /** The plugin's name in Docker, unlike any other on this machine. */
  name: string
  /** Never throws. */
  docker: (...args: string[]) => Promise<Outcome>
  /** Its output, trimmed; throws when it fails. */
  ok: (...args: string[]) => Promise<string>
  /** `docker plugin create` and `set`, not yet enabled. `settings` win over the cluster's. */
  install: (settings?: Record<string, string>) => Promise<void>
  /** Pid of the plugin's process, which has an argument of its own: the socket. */
  pluginPid: () => Promise<number>
  startDaemon: () => Promise<void>
  stopDaemon: (signal: NodeJS.Signals) => Promise<void>
  /** What dockerd and the plugin have said. */
  logs: () => Promise<string>
  /** What is left of volumes once everything lingering is detached; empty when clean. */
  settled: () => Promise<string[]>
  close: () => Promise<void>
}

export async function startManagedLab(): Promise<ManagedLab> {
  const cluster = await startMountedLab()
  // Not below the test runner's folder: containerd's sockets have long names.
  const folder = await mkdtemp(join('/tmp', 'acs-mp-'))
  const name = `acs-t-${randomBytes(3).toString('hex')}`
  const host = `unix://${folder}/docker.sock`
  const log = join(folder, 'dockerd.log')
  const configFile = join(folder, 'plugin.yaml')
  await writeFile(
    configFile,
    `docker: ${folder}/docker.sock\npeer: { listen: '127.0.0.1:0' }\nlinger: 1s\n${talkativeConfig(folder)}\n`,
  )
  await packagePlugin(join(folder, 'plugin'), join(folder, 'mnt'))
  let daemon: ChildProcess | undefined

  const docker = (...args: string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      execFile('docker', ['-H', host, ...args], { timeout: 150_000 }, (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0
        resolve({ code, stdout, stderr })
      })
    })
  const logs = (): Promise<string> => readFile(log, 'utf8').catch(() => '')
  const ok = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await docker(...args)
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr || stdout}`)
    return stdout.trim()
  }
  const startDaemon = async (): Promise<void> => {
    daemon = spawn(
      '/bin/sh',
      [
        '-c',
        `exec dockerd -H ${host} --data-root ${folder}/data --exec-root ${folder}/exec -p ${folder}/pid ` +
          `--iptables=false --ip6tables=false --bridge=none --log-level warn >> ${log} 2>&1`,
      ],
      // containerd leaves a dump of its stacks when it has to be ended.
      { stdio: 'ignore', env: { ...process.env, TMPDIR: folder } },
    )
    await until('dockerd answers', 60_000, async () => (await docker('version')).code === 0)
  }
  const stopDaemon = async (signal: NodeJS.Signals): Promise<void> => {
    const containerd = await readFile(`${folder}/exec/containerd/containerd.pid`, 'utf8').catch(() => '')
    const ended = daemon?.exitCode === null && new Promise((resolve) => daemon?.once('exit', resolve))
    daemon?.kill(signal)
    await ended
    daemon = undefined
    // A dockerd that finds the one before's containerd, be it a zombie, waits for it to answer and then gives up.
    if (containerd !== '')
      await until('containerd has ended', 60_000, () => Promise.resolve(!existsSync(`/proc/${containerd.trim()}`)))
  }
  /** dockerd leaves the folders of plugins' sockets to the next boot. */
  const socketFolders = new Set<string>()
  const pluginPid = async (): Promise<number> => {
    const { stdout } = await exec('pgrep', ['--full', `${folder}/data/.*/run.js plugin serve`])
    const [pid, other] = stdout.trim().split('\n').map(Number)
    if (pid === undefined || other !== undefined) throw new Error(`one plugin was to run, not ${stdout}`)
    return pid
  }

  await startDaemon()
  await importBusybox(folder, ok)

  return {
    cluster,
    folder,
    name,
    docker,
    ok,
    async install(settings = {}) {
      await ok('plugin', 'create', name, join(folder, 'plugin'))
      const all = { ...cluster.env, ACS_PLUGIN_CONFIG: configFile, ...settings }
      socketFolders.add(join('/run/docker/plugins', await ok('plugin', 'inspect', '-f', '{{.Id}}', name)))
      await ok('plugin', 'set', name, ...Object.entries(all).map(([key, value]) => `${key}=${value}`))
    },
    pluginPid,
    startDaemon,
    stopDaemon,
    logs,
    async settled() {
      let left: string[] = []
      await until('all is detached', 30_000, async () => {
        left = await cluster.leftovers()
        return left.length === 0
      }).catch(() => undefined)
      return left
    },
    async close() {
      const containers = await docker('ps', '-aq')
      const ids = containers.stdout.split('\n').filter((id) => id !== '')
      if (ids.length > 0) await docker('rm', '-f', ...ids)
      await keepLocalPages(folder, cluster.env.ACS_RUN_DIR!)
      // Kept as the output of every process is.
      await docker('plugin', 'inspect', name)
      await docker('plugin', 'disable', '-f', name)
      await docker('plugin', 'rm', '-f', name)
      await stopDaemon('SIGTERM')
      await cluster.close()
      for (const socketFolder of socketFolders) await rm(socketFolder, { recursive: true, force: true })
      // The folder of volumes stays a mount point of its own, and so does dockerd's when it was killed.
      for (const name of ['mnt', 'data']) await exec('umount', [join(folder, name)]).catch(() => undefined)
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
