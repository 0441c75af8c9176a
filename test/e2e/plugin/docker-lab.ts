import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { requirement } from '../../requirements.js'
import { keepFiles } from '../../secrets/evidence.js'
import { startMountedLab, type MountedLab } from '../volume/mounted-lab.js'
import { keepLocalPages, talkativeConfig, talkativeEnvironment } from './talkative.js'
import type { Running } from '../../integration/cli/acs.js'

export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** A Docker daemon of its own, a simulated cluster, and acs's plugin between them. */
export interface DockerLab {
  cluster: MountedLab
  /** Name of the volume driver, unlike any other on this machine. */
  driver: string
  /** Runs the docker client against this daemon; never throws. */
  docker: (...args: string[]) => Promise<Outcome>
  /** Its output, trimmed; throws when it fails. */
  ok: (...args: string[]) => Promise<string>
  /** Name of the image with busybox in it. */
  image: string
  plugin: () => Running
  startPlugin: (env?: Record<string, string>) => Promise<void>
  /** Waits until the plugin has ended. */
  stopPlugin: (signal: NodeJS.Signals) => Promise<void>
  startDaemon: () => Promise<void>
  stopDaemon: (signal: NodeJS.Signals) => Promise<void>
  /** What is left of volumes once everything lingering is detached; empty when clean. */
  settled: () => Promise<string[]>
  /** What the running plugin and all daemons so far have logged. */
  logs: () => string
  close: () => Promise<void>
}

export function canRunDocker(suite: string): boolean {
  return requirement(suite, [
    'root',
    'fuse',
    'loop',
    ...['qemu-storage-daemon', 'mkfs.ext4', 'dockerd', 'docker', 'busybox'].map((tool) => ({ tool })),
  ])
}

export interface DockerLabOptions {
  /** Text of the plugin's configuration file. */
  config?: string
}

export async function startDockerLab(options: DockerLabOptions = {}): Promise<DockerLab> {
  const cluster = await startMountedLab()
  // Not below the test runner's folder: a socket's path has 107 bytes.
  const folder = await mkdtemp(join('/tmp', 'acs-dk-'))
  const driver = `acs-t-${randomBytes(3).toString('hex')}`
  const pluginSocket = `/run/docker/plugins/${driver}.sock`
  const host = `unix://${folder}/docker.sock`
  const configFile = join(folder, 'plugin.yaml')
  const mountFolder = join(folder, 'mnt')
  await writeFile(
    configFile,
    [
      `mountFolder: ${mountFolder}`,
      `docker: ${folder}/docker.sock`,
      `peer: { listen: '127.0.0.1:0' }`,
      talkativeConfig(folder),
      options.config ?? 'linger: 1s',
      '',
    ].join('\n'),
  )
  const daemonLog = join(folder, 'dockerd.log')
  let daemon: ChildProcess | undefined
  let plugin: Running | undefined

  const docker = (...args: string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      execFile('docker', ['-H', host, ...args], { timeout: 150_000 }, (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0
        resolve({ code, stdout, stderr })
      })
    })
  const ok = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await docker(...args)
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr || stdout}`)
    return stdout.trim()
  }

  const startDaemon = async (): Promise<void> => {
    daemon = spawn(
      'dockerd',
      [
        ...['-H', host, '--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`, '-p', `${folder}/pid`],
        ...['--iptables=false', '--ip6tables=false', '--bridge=none', '--log-level', 'warn'],
      ],
      { stdio: ['ignore', 'ignore', openSync(daemonLog, 'a')] },
    )
    await until('dockerd answers', 150_000, async () => (await docker('version')).code === 0)
  }
  const stopDaemon = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = daemon?.exitCode === null && new Promise((resolve) => daemon?.once('exit', resolve))
    daemon?.kill(signal)
    await ended
    daemon = undefined
    // Its containerd died with it. Where nobody buries the dead, a new dockerd would take it for alive, and wait for it.
    if (signal === 'SIGKILL') await rm(`${folder}/exec/containerd/containerd.pid`, { force: true })
  }
  const startPlugin = async (env: Record<string, string> = {}): Promise<void> => {
    plugin = cluster.start(`plugin serve --name ${driver} --config ${configFile}`, { ...talkativeEnvironment, ...env })
    await until('the plugin listens', 10_000, () => Promise.resolve(existsSync(pluginSocket)))
  }
  const stopPlugin = async (signal: NodeJS.Signals): Promise<void> => {
    await keepLocalPages(folder, cluster.env.ACS_RUN_DIR!)
    plugin?.process.kill(signal)
    await plugin?.ended
  }

  await startPlugin()
  await startDaemon()
  const image = await importBusybox(folder, ok)

  return {
    cluster,
    driver,
    docker,
    ok,
    image,
    plugin: () => plugin!,
    startPlugin,
    stopPlugin,
    startDaemon,
    stopDaemon,
    async settled() {
      let left: string[] = []
      try {
        await until('all is detached', 30_000, async () => {
          left = await cluster.leftovers()
          return left.length === 0
        })
      } catch {
        // What is left says more than that time ran out.
      }
      return left
    },
    logs: () => `${plugin?.told() ?? ''}${readFileSync(daemonLog, 'utf8')}`,
    async close() {
      const containers = await docker('ps', '-aq')
      const ids = containers.stdout.split('\n').filter((id) => id !== '')
      // What Docker shows of them is kept as the output of every process is.
      if (ids.length > 0) await docker('inspect', ...ids)
      if (ids.length > 0) await docker('rm', '-f', ...ids)
      await docker('volume', 'inspect', ...(await docker('volume', 'ls', '-q')).stdout.split('\n').filter(Boolean))
      await stopDaemon('SIGTERM')
      await stopPlugin('SIGTERM')
      await rm(pluginSocket, { force: true })
      await cluster.close()
      // A daemon that was killed leaves its own mounts.
      for (const { mountPoint } of (await cluster.host.mounts()).reverse())
        if (mountPoint.startsWith(folder)) await run('umount', [mountPoint])
      keepFiles(folder)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** An image of one static program, without a registry. */
export async function importBusybox(folder: string, ok: DockerLab['ok']): Promise<string> {
  const bin = join(folder, 'rootfs', 'bin')
  await mkdir(bin, { recursive: true })
  await copyFile('/bin/busybox', join(bin, 'busybox'))
  const applets = 'sh cat sleep ls echo dd sync sha256sum mkdir touch test true stat chown mount cp seq printf kill'
  for (const applet of applets.split(' ')) await symlink('busybox', join(bin, applet))
  // A folder with content and an owner of its own, for the copy-up.
  const seeded = join(folder, 'rootfs', 'seeded')
  await mkdir(seeded)
  await writeFile(join(seeded, 'from-image'), 'seed\n')
  await mkdir(join(folder, 'rootfs', 'data'))
  const archive = join(folder, 'rootfs.tar')
  await run('tar', ['-C', join(folder, 'rootfs'), '--owner=4242', '-cf', archive, '.'])
  await ok('import', archive, 'box')
  return 'box'
}

function run(command: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, (error, _stdout, stderr) => (error ? reject(new Error(stderr)) : resolve()))
  })
}

/** Waits for a condition, looking often. */
export async function until(what: string, timeoutMs: number, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
