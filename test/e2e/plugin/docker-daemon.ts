import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseMountinfo } from '../../../src/lib/host/mountinfo.js'
import { busyboxArchive } from './busybox-image.js'
import { outputOf, runTool, type Outcome } from './run-tool.js'
import { until } from './until.js'

/** A dockerd of a test's own, without a network and with everything it has in one folder. */
export interface DockerDaemon {
  /** Path of its API's socket. */
  socket: string
  /** Runs the docker client against it; never throws. */
  docker: (...args: string[]) => Promise<Outcome>
  /** The client's output, trimmed; throws when it fails. */
  ok: (...args: string[]) => Promise<string>
  start: () => Promise<void>
  /** Resolves when it and its containerd have ended. */
  stop: (signal: NodeJS.Signals) => Promise<void>
  /** Makes an image of busybox, and names it. */
  importImage: () => Promise<string>
  removeContainers: () => Promise<void>
  /** What all of its lives have said. */
  log: () => string
  /** Removes its containers, ends it, and takes away what mounts are left in its folder. The folder stays. */
  close: () => Promise<void>
}

export interface DockerDaemonOptions {
  /** Gives it a network namespace: Swarm makes a bridge and leaves it there. */
  ownNetwork?: boolean
}

/** @param folder there, and short: a socket's path has 107 bytes, and containerd's sockets have long names */
export function dockerDaemon(folder: string, { ownNetwork = false }: DockerDaemonOptions = {}): DockerDaemon {
  const socket = join(folder, 'docker.sock')
  const logFile = join(folder, 'dockerd.log')
  const containerdFile = join(folder, 'exec/containerd/containerd.pid')
  let daemon: ChildProcess | undefined

  const withHost = (args: string[]): string[] => ['-H', `unix://${socket}`, ...args]
  const docker = (...args: string[]): Promise<Outcome> => runTool('docker', withHost(args))
  const ok = (...args: string[]): Promise<string> => outputOf('docker', withHost(args))

  const start = async (): Promise<void> => {
    const log = openSync(logFile, 'a')
    const folders = [
      '--data-root',
      join(folder, 'data'),
      '--exec-root',
      join(folder, 'exec'),
      '-p',
      join(folder, 'pid'),
    ]
    const network = ['--iptables=false', '--ip6tables=false', '--bridge=none']
    const inNetwork = ownNetwork ? ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'] : []
    const [program = '', ...args] = [...inNetwork, 'dockerd', ...withHost([...folders, ...network])]
    daemon = spawn(program, [...args, '--log-level', 'warn'], {
      stdio: ['ignore', log, log],
      // containerd leaves a dump of its stacks there when it has to be ended.
      env: { ...process.env, TMPDIR: folder },
    })
    closeSync(log)
    // It may wait 15 s for the plugin of each volume that it knows.
    await until('dockerd answers', 150_000, async () => (await docker('version')).code === 0)
  }

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    const containerd = Number(await readFile(containerdFile, 'utf8').catch(() => ''))
    const ended = daemon?.exitCode === null && new Promise((resolve) => daemon?.once('exit', resolve))
    daemon?.kill(signal)
    await ended
    daemon = undefined
    if (containerd > 0) await until('containerd has ended', 60_000, () => Promise.resolve(hasEnded(containerd)))
    // Where nobody buries the dead, a new dockerd would take that process for alive, and wait for it.
    await rm(containerdFile, { force: true })
  }

  const removeContainers = async (): Promise<void> => {
    const containers = (await docker('ps', '-aq')).stdout.split('\n').filter((id) => id !== '')
    if (containers.length === 0) return
    // What Docker shows of them is kept, as the output of every process is.
    await docker('inspect', ...containers)
    await docker('rm', '-f', ...containers)
  }

  return {
    socket,
    docker,
    ok,
    start,
    stop,
    async importImage() {
      await ok('import', await busyboxArchive(folder), 'box')
      return 'box'
    },
    removeContainers,
    log: () => readFileSync(logFile, 'utf8'),
    async close() {
      await removeContainers()
      const volumes = (await docker('volume', 'ls', '-q')).stdout.split('\n').filter((name) => name !== '')
      if (volumes.length > 0) await docker('volume', 'inspect', ...volumes)
      await stop('SIGTERM')
      const places = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')).map(({ mountPoint }) => mountPoint)
      for (const place of places.reverse()) if (place.startsWith(`${folder}/`)) await runTool('umount', [place])
    },
  }
}

/** Gone, or a zombie. */
function hasEnded(pid: number): boolean {
  try {
    return /^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return true
  }
}
