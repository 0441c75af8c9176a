import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import type { PluginLog } from '../../../src/lib/plugin/driver.js'
import { formatPeerAddress } from '../../../src/lib/plugin/peer/address.js'
import { askHolder } from '../../../src/lib/plugin/peer/client.js'
import { peerIdentity, type PeerIdentity } from '../../../src/lib/plugin/peer/identity.js'
import { startPeerServer, type PeerServer, type PeerServerOptions } from '../../../src/lib/plugin/peer/server.js'
import { acquire, type AcquireRequest } from '../../../src/lib/volume/acquire.js'
import type { Me, VolumeContext, VolumeEvent } from '../../../src/lib/volume/context.js'
import { claim, release } from '../../../src/lib/volume/exclusive.js'
import { isEntitled } from '../../../src/lib/volume/hand-over-request.js'
import type { Trailer } from '../../../src/lib/volume/trailer.js'
import { asVolume } from '../../../src/lib/volume/volume.js'
import { fakeHost } from '../../unit/volume/fake-host.js'
import { connectPrism } from '../../../src/lib/prism/connect.js'
import type { Prism } from '../../../src/lib/prism/prism.js'
import { startVolumeLab } from '../volume/lab.js'

/** A simulated cluster, and hosts with the part of a plugin that talks to other hosts. */
export interface PeerLab {
  prism: Prism
  createVolume(name: string): Promise<string>
  trailer(uuid: string): Promise<Trailer>
  initiators(uuid: string): Promise<string[]>
  host(name: string, options?: Partial<PeerServerOptions>): Promise<PeerHost>
  close(): Promise<void>
}

export interface PeerHost {
  name: string
  me: Me
  identity: PeerIdentity
  /** With the address of its plugin, and a deadline of its own each time. */
  context(timeoutMs?: number): VolumeContext
  address: string
  server: PeerServer
  /** Containers that use a volume, by its UUID. */
  uses: Map<string, string>
  /** Volumes it was asked for. */
  asked: string[]
  logged: { level: string; fields: Record<string, unknown>; message: string }[]
  events: VolumeEvent[]
  claim(uuid: string): Promise<void>
  /** What its plugin does at Mount: the name of the holder afterwards. */
  want(uuid: string, request?: Partial<AcquireRequest>, timeoutMs?: number): Promise<string>
}

export async function startPeerLab(): Promise<PeerLab> {
  const cluster = await startVolumeLab()
  const { prism, simulator, folder } = cluster
  const { endpoint, username, fingerprint, passwordFile } = simulator
  const password = (await readFile(passwordFile, 'utf8')).trim()
  const closers: (() => Promise<void>)[] = [() => cluster.close()]
  /** A client of its own, with its own session. */
  const connect = (): Prism => {
    const own = connectPrism({
      endpoint,
      username,
      fingerprint,
      password: () => Promise.resolve(password),
      userAgent: 'test',
    })
    closers.push(() => own.close())
    return own
  }
  const containers = await prism.storageContainers()
  const storageContainerUuid = containers.find(({ internal }) => !internal)?.uuid ?? ''
  return {
    prism,
    async createVolume(name) {
      const disk = { sizeBytes: 2 ** 20, storageContainerUuid }
      return (await prism.createVolumeGroup({ name, disks: [disk] })).uuid
    },
    async trailer(uuid) {
      return asVolume(await prism.volumeGroup(uuid)).trailer ?? { v: 1 }
    },
    async initiators(uuid) {
      return (await prism.volumeGroup(uuid)).attachments.map(({ initiatorName }) => initiatorName ?? '?')
    },
    async host(name, options = {}) {
      const host = await startHost(name, connect(), join(folder, name), options)
      closers.push(() => host.server.close())
      return host
    },
    async close() {
      for (const close of closers.reverse()) await close()
    },
  }
}

async function startHost(
  name: string,
  prism: Prism,
  stateFolder: string,
  options: Partial<PeerServerOptions>,
): Promise<PeerHost> {
  const identity = await peerIdentity(stateFolder)
  const me: Me = {
    hostName: name,
    bootId: `boot-of-${name}`,
    initiatorName: `iqn.1993-08.org.debian:01:${name}`,
  }
  const events: VolumeEvent[] = []
  const host: Omit<PeerHost, 'server' | 'address'> & { address?: string } = {
    name,
    me,
    identity,
    uses: new Map(),
    asked: [],
    logged: [],
    events,
    context: (timeoutMs = 20_000) => ({
      prism,
      host: fakeHost(name, new Map()),
      stateFolder,
      deadline: deadlineIn(timeoutMs),
      report: (event) => events.push(event),
      ...(host.address === undefined ? {} : { pluginAddress: host.address }),
    }),
    async claim(uuid) {
      await claim(host.context(), uuid, me)
    },
    async want(uuid, request = {}, timeoutMs = 20_000) {
      const context = host.context(timeoutMs)
      const volume = await acquire(
        context,
        {
          uuid,
          me,
          fingerprint: identity.fingerprint,
          policy: 'take-over',
          delayMs: 1_200,
          ask: ({ address, volume, deadline }) => askHolder({ address, identity, volume, deadline, connectMs: 500 }),
          ...request,
        },
        () => claim(context, uuid, me),
      )
      return volume.trailer?.h?.n ?? ''
    },
  }
  const server = await startPeerServer({
    listen: { host: '127.0.0.1', port: 0 },
    identity,
    authorise: (uuid, fingerprint) => isEntitled(host.context(), uuid, fingerprint),
    async release({ uuid }) {
      host.asked.push(uuid)
      const container = host.uses.get(uuid)
      if (container !== undefined)
        return { state: 'in-use', by: [container], text: `in use by ${container} on host ${name}` }
      await release(host.context(), uuid, me.initiatorName)
      return { state: 'released' }
    },
    log: recordingLog(host.logged),
    ...options,
  })
  const address = formatPeerAddress({ ...server.listening, fingerprint: identity.fingerprint })
  host.address = address
  return Object.assign(host, { server, address })
}

function recordingLog(logged: PeerHost['logged']): PluginLog {
  const at =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void =>
      void logged.push({ level, fields, message })
  const log: PluginLog = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  }
  return log
}
