import { createHash, randomBytes } from 'node:crypto'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createHostMachine } from '../../../src/lib/host/machine.js'
import type { HostMachine } from '../../../src/lib/host/host.js'
import { startVolumeLab, type VolumeLab } from '../../integration/volume/lab.js'
import { projectRoot } from '../../integration/cli/acs.js'
import { leftoversOf } from '../leftovers.js'
import { keepFiles } from '../../secrets/evidence.js'
import { until } from './until.js'
import { pluginClient } from './plugin-client.js'
import { keepLocalPages, talkativeConfig, talkativeEnvironment } from './talkative.js'

/** A host of its own as far as acs can see: host name, network, state, initiator name, plugin. */
export interface Host {
  name: string
  client: ReturnType<typeof pluginClient>
  start: () => Promise<void>
  /** Ends the plugin, and waits for it. */
  stop: (signal: NodeJS.Signals) => Promise<void>
  /** Lets no other host reach this one's plugin, while it reaches the cluster. */
  isolate: () => Promise<void>
  rejoin: () => Promise<void>
  mountPoint: (volume: string) => string
  /** What of volumes is on this host; empty when clean. */
  leftovers: () => Promise<string[]>
  logs: () => string
}

export interface HostsLab {
  cluster: VolumeLab
  hosts: [Host, Host]
  close: () => Promise<void>
}

const bridgeAddress = '10.213.7.1'

/** A simulated cluster and two hosts on one bridge. The hosts' mounts are this machine's, so that a test sees them. */
export async function startHostsLab(config: string, both: Shared = {}): Promise<HostsLab> {
  const id = randomBytes(2).toString('hex')
  const bridge = `acsb${id}`
  await ip('link', 'add', bridge, 'type', 'bridge')
  await ip('addr', 'add', `${bridgeAddress}/24`, 'dev', bridge)
  await ip('link', 'set', bridge, 'up')
  const cluster = await startVolumeLab({ listen: `${bridgeAddress}:0`, iscsi: `${bridgeAddress}:0` })
  const folder = await mkdtemp('/tmp/acs-h-')
  const hosts = await Promise.all(
    [2, 3].map((number) => makeHost({ id, bridge, number, folder, cluster, config, both })),
  )
  return {
    cluster,
    hosts: hosts.map(({ host }) => host) as [Host, Host],
    async close() {
      for (const { host, tearDown } of hosts) {
        await host.stop('SIGTERM')
        await tearDown()
      }
      await cluster.close()
      await ip('link', 'del', bridge)
      keepFiles(folder)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What both hosts have, as clones of one machine do. */
export interface Shared {
  hostName?: string
  initiatorName?: string
}

interface HostRequest {
  both: Shared
  id: string
  bridge: string
  number: number
  folder: string
  cluster: VolumeLab
  config: string
}

async function makeHost(request: HostRequest): Promise<{ host: Host; tearDown: () => Promise<void> }> {
  const { id, bridge, number, cluster, both } = request
  const name = both.hostName ?? `host${number}-${id}`
  const namespace = `acs-${id}-${number}`
  const outside = `acs${id}${number}`
  const address = `10.213.7.${number}`
  const other = `10.213.7.${number === 2 ? 3 : 2}`
  const folder = join(request.folder, String(number))
  const socket = join(folder, 'p.sock')
  const [stateFolder, runtimeFolder, mountFolder] = ['state', 'run', 'mnt'].map((part) => join(folder, part)) as [
    string,
    string,
    string,
  ]
  await mkdir(folder)
  await ip('netns', 'add', namespace)
  await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  await ip('link', 'set', outside, 'master', bridge, 'up')
  await ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
  await ip('-n', namespace, 'link', 'set', 'eth0', 'up')
  await ip('-n', namespace, 'link', 'set', 'lo', 'up')
  const configFile = join(folder, 'plugin.yaml')
  await writeFile(
    configFile,
    [
      `mountFolder: ${mountFolder}`,
      `docker: ${folder}/no-docker.sock`,
      `peer: { listen: '${address}:7440' }`,
      talkativeConfig(folder),
      request.config,
      '',
    ].join('\n'),
  )

  let plugin: ChildProcess | undefined
  let logs = ''
  const machine: HostMachine = createHostMachine({ stateFolder, runtimeFolder })
  const soon = (): ReturnType<typeof deadlineIn> => deadlineIn(30_000)
  const mounts = async (): Promise<string[]> =>
    (await machine.mounts()).map(({ mountPoint }) => mountPoint).filter((path) => path.startsWith(mountFolder))

  const host: Host = {
    name,
    client: pluginClient(socket),
    mountPoint: (volume) => join(mountFolder, volume),
    logs: () => logs,
    async start() {
      // nsenter and not `ip netns exec`, which makes a mount namespace too; a host name of its own by unshare.
      const script = 'hostname "$0" && exec nsenter --net="$1" "$2" "$3" plugin serve --socket "$4" --config "$5"'
      const run = join(projectRoot, 'bin', 'run.js')
      const words = [name, `/run/netns/${namespace}`, process.execPath, run, socket, configFile]
      plugin = spawn('unshare', ['--uts', 'sh', '-c', script, ...words], {
        env: {
          PATH: process.env.PATH,
          HOME: '/nonexistent',
          ACS_CONFIG: '/nonexistent/config.yaml',
          ...talkativeEnvironment,
          ...cluster.env,
          ACS_INITIATOR: 'userspace',
          ACS_STATE_DIR: stateFolder,
          ACS_RUN_DIR: runtimeFolder,
          ...(both.initiatorName === undefined ? {} : { ACS_INITIATOR_NAME: both.initiatorName }),
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      plugin.stderr?.setEncoding('utf8').on('data', (text: string) => (logs += text))
      await until(`${name} listens`, 10_000, () => Promise.resolve(existsSync(socket)))
    },
    async stop(signal) {
      if (plugin?.exitCode !== null || plugin.signalCode !== null) return
      await keepLocalPages(folder, runtimeFolder)
      const ended = new Promise((resolve) => plugin?.once('exit', resolve))
      plugin.kill(signal)
      await ended
      if (signal === 'SIGKILL') await rm(socket, { force: true })
    },
    async isolate() {
      // Packets to the other host go to a machine that is not there; the cluster's way stays.
      const nowhere = ['lladdr', '02:00:00:00:00:01', 'dev', 'eth0', 'nud', 'permanent']
      await ip('-n', namespace, 'neigh', 'replace', other, ...nowhere)
    },
    async rejoin() {
      await ip('-n', namespace, 'neigh', 'del', other, 'dev', 'eth0')
    },
    leftovers: () => leftoversOf({ host: machine, stateFolder, runtimeFolder, mountFolder }),
  }
  const tearDown = async (): Promise<void> => {
    host.client.close()
    const initiator = await machine.initiator('userspace', soon())
    for (const disk of await initiator.attached(soon())) await initiator.failIo?.({ ...disk, portal: '' }, soon())
    for (const path of (await mounts()).reverse()) await machine.unmount(path, soon())
    for (const disk of await initiator.attached(soon())) await initiator.detach({ ...disk, portal: '' }, soon())
    await initiator.sweep(soon())
    await ip('netns', 'del', namespace)
  }
  return { host, tearDown }
}

/** A process that appends numbered, fsynced blocks to a file; see writer.mjs. */
export interface Writer {
  /** Numbers whose blocks were acknowledged. */
  acknowledged: () => number
  /** Resolves with the error code at its first error, `undefined` when it was stopped. */
  ended: Promise<string | undefined>
  endedAt: () => number | undefined
  stop: () => Promise<void>
}

export function startWriter(file: string, first: number): Writer {
  const script = fileURLToPath(new URL('writer.mjs', import.meta.url))
  const child = spawn(process.execPath, [script, file, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  })
  let text = ''
  let endedAt: number | undefined
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('close', () => {
      endedAt = Date.now()
      resolve(/^error (\S+)$/m.exec(text)?.[1])
    })
  })
  return {
    acknowledged: () => {
      const numbers = text.match(/^\d+(?=\n)/gm) ?? []
      return numbers.length === 0 ? first - 1 : Number(numbers.at(-1))
    },
    ended,
    endedAt: () => endedAt,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Highest number up to which every block of the file is there and whole, counted from 0. Throws on a damaged one. */
export async function wholeBlocks(file: string): Promise<number> {
  const content = await readFile(file)
  let next = 0
  for (let at = 0; at + 512 <= content.length; at += 512) {
    const block = content.subarray(at, at + 512)
    const sum = createHash('sha256').update(block.subarray(0, 480)).digest().subarray(0, 32)
    const number = block.readUInt32BE(0)
    const whole = sum.equals(block.subarray(480))
    // The last block before a crash may be torn; it was not acknowledged, and the next writer writes its number again.
    if (!whole) continue
    if (number > next) throw new Error(`block ${next} is missing: ${number} follows`)
    next = number + 1
  }
  return next - 1
}

function ip(...args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('ip', args, (error, _stdout, stderr) =>
      error ? reject(new Error(`ip ${args.join(' ')}: ${stderr}`)) : resolve(),
    )
  })
}
