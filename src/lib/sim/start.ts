import { ensureFolder } from '../base/durable-file.js'
import { AcsError } from '../base/errors.js'
import { allDisks } from './all-disks.js'
import { changeBehaviour, defaultBehaviour } from './behaviour.js'
import { ensureCredentials } from './credentials.js'
import { claimFolder, type FolderClaim } from './folder-claim.js'
import type { IscsiTarget } from './iscsi/target.js'
import { formatAddress, parseListenAddress, reachableHost, type ListenAddress } from '../base/listen-address.js'
import type { OpenedHypervisor } from './hypervisor/open.js'
import { openRecording } from './recording.js'
import { adminRoutes } from './rest/admin.js'
import { createRouter } from './rest/all-routes.js'
import { RestServer } from './rest/server.js'
import { Sessions } from './rest/sessions.js'
import { SimulatedCluster } from './simulated-cluster.js'
import type { Exchange, Simulator, SimulatorLog, SimulatorOptions, SimulatorState } from './simulator.js'
import { isFinished } from './tasks.js'

const silent: SimulatorLog = { info: () => undefined, warn: () => undefined, error: () => undefined }

/**
 * Starts a Prism cluster on this machine, with the state of `dataFolder` when there is any. Needs neither
 * root nor system packages. Throws EACSSIMRUNNING (conflict) when a simulator lives on that folder already,
 * EACSADDRINUSE (conflict) when an address is taken, EACSSIMRECORD (usage) when there can be no record.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const behaviour = { ...defaultBehaviour }
  const problem = changeBehaviour(behaviour, definedOnly(options.behaviour ?? {}))
  if (problem !== undefined) throw new AcsError('usage', 'EACSSIMBEHAVIOUR', problem)
  const listen = parseListenAddress(options.listen ?? '', { host: '127.0.0.1', port: 9440 })
  const log = options.log ?? silent
  await ensureFolder(options.dataFolder)
  const claim = await claimFolder(options.dataFolder)
  const closers: (() => Promise<void>)[] = [() => claim.release()]
  const close = async (): Promise<void> => {
    for (const step of closers.splice(0).reverse()) await step()
  }
  try {
    const { dataFolder, containerCapacityBytes } = options
    const cluster = await SimulatedCluster.open({ dataFolder, behaviour, containerCapacityBytes, log })
    closers.push(() => cluster.close())
    let portal = ''
    const machines = options.hypervisor === 'qemu' ? await bootMachines(cluster, options, () => portal) : undefined
    const endMachines = async (): Promise<void> => machines?.hypervisor.close()
    closers.push(endMachines)
    const services = machines?.subnet?.services
    const iscsi = parseListenAddress(options.iscsi ?? '', { host: services ?? '127.0.0.1', port: 3260 })
    const credentials = await ensureCredentials(dataFolder, [
      listen.host,
      ...(services === undefined ? [] : [services]),
    ])
    const sessions = new Sessions(credentials.username, credentials.password, () => behaviour.sessionLifetimeMs)
    const target = await openDataServices(cluster, iscsi)
    // Machines end before the disks that they have over iSCSI do.
    closers.push(() => target.close(), endMachines)
    const { dataServices } = target
    portal = dataServices
    cluster.dataServicesAddress = reachableHost(iscsi.host, 'network')
    cluster.externalAddress = services ?? reachableHost(listen.host, 'network')
    const controls = {
      behaviour,
      addFault: cluster.faults.add.bind(cluster.faults),
      listFaults: cluster.faults.list.bind(cluster.faults),
      clearFaults: cluster.faults.clear.bind(cluster.faults),
      state: () => stateOf(cluster, sessions, target.sessions().length),
    }
    const router = createRouter(adminRoutes({ simulator: controls, endSessions: () => sessions.clear() }))
    const { key, certificate } = credentials
    const recording = options.record === undefined ? undefined : openRecording(options.record, log)
    closers.push(() => Promise.resolve(recording?.close()))
    const onResponse = (exchange: Exchange): void => {
      recording?.add(exchange)
      options.onResponse?.(exchange)
    }
    const open = async (address: ListenAddress): Promise<{ port: number }> => {
      const server = new RestServer({ cluster, router, sessions, key, certificate, onResponse })
      const listening = await listenOn(server, address)
      closers.push(() => server.close())
      return listening
    }
    const { port } = await open(listen)
    // For the machines, too.
    if (services !== undefined && !isWildcard(listen.host)) await open({ host: services, port })
    await machines?.hypervisor.resume()
    cluster.tasks.resume()
    const simulator: Simulator = {
      endpoint: `https://${formatAddress({ host: reachableHost(listen.host, 'here'), port })}`,
      username: credentials.username,
      passwordFile: credentials.passwordFile,
      certificateFile: credentials.certificateFile,
      fingerprint: credentials.fingerprint,
      dataServices: reachable(dataServices),
      ...controls,
      close,
    }
    await announce(claim, simulator)
    return simulator
  } catch (error) {
    await close()
    throw error
  }
}

async function bootMachines(
  cluster: SimulatedCluster,
  { dataFolder, subnet }: SimulatorOptions,
  portal: () => string,
): Promise<OpenedHypervisor> {
  const { openHypervisor } = await import('./hypervisor/open.js')
  const opened = await openHypervisor(cluster, { dataFolder, subnet, portal })
  cluster.connectHypervisor(opened.hypervisor)
  return opened
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** The portal's address for someone on this machine. */
function reachable(portal: string): string {
  const { host, port } = parseListenAddress(portal, { host: '', port: 0 })
  return formatAddress({ host: reachableHost(host, 'here'), port })
}

async function announce(claim: FolderClaim, simulator: Simulator): Promise<void> {
  const { endpoint, dataServices, username, passwordFile, certificateFile, fingerprint } = simulator
  const startedAt = new Date().toISOString()
  await claim.announce({ endpoint, dataServices, username, passwordFile, certificateFile, fingerprint, startedAt })
}

async function listenOn(server: RestServer, address: ListenAddress): Promise<{ port: number }> {
  try {
    return await server.listen(address.host, address.port)
  } catch (error) {
    throw addressError(address, '--listen', error)
  }
}

async function openDataServices(cluster: SimulatedCluster, address: ListenAddress): Promise<IscsiTarget> {
  const { startDataServices } = await import('./data-services.js')
  try {
    return await startDataServices(cluster, address)
  } catch (error) {
    throw addressError(address, '--iscsi', error)
  }
}

function addressError(address: ListenAddress, flag: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause)) return cause
  const why = new Map<unknown, string>([
    ['EADDRINUSE', 'is taken by another process'],
    ['EADDRNOTAVAIL', 'is not an address of this machine'],
    ['EACCES', 'needs root'],
  ]).get(cause.code)
  if (why === undefined) return cause
  // Of the two iSCSI portals, the error names the one that could not open.
  const port = 'port' in cause && typeof cause.port === 'number' ? cause.port : address.port
  return new AcsError('conflict', 'EACSADDRINUSE', `${formatAddress({ ...address, port })} ${why}`, {
    cause,
    hints: [`Choose another one with ${flag} HOST:PORT; port 0 picks a free one`],
  })
}

function stateOf({ store, faults }: SimulatedCluster, sessions: Sessions, iscsiSessions: number): SimulatorState {
  const tasks = [...store.tasks.values()]
  return {
    volumeGroups: store.groups.size,
    vms: store.vms.size,
    images: store.images.size,
    networks: store.networks.size,
    disks: [...allDisks(store)].length,
    iscsiClients: store.clients.size,
    tasks: {
      queued: tasks.filter((task) => task.status === 'Queued').length,
      running: tasks.filter((task) => task.status === 'Running').length,
      finished: tasks.filter(isFinished).length,
    },
    logins: sessions.logins,
    failedLogins: sessions.failedLogins,
    sessions: sessions.size,
    iscsiSessions,
    faults: faults.size,
  }
}

function definedOnly(values: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
