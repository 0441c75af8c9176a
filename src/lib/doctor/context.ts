import type { Deadline } from '../base/deadline.js'
import type { AcsError } from '../base/errors.js'
import type { HostMachine, Initiator, Runner } from '../host/host.js'
import type { HostRoots } from '../host/roots.js'
import type { Prism } from '../prism/prism.js'

/** What the doctor looks at: this machine, and the cluster as far as it can be told which. */
export interface DoctorContext {
  host: HostMachine
  /** Both, whether they can work here or not. */
  initiators: readonly Initiator[]
  runner: Runner
  roots: HostRoots
  stateFolder: string
  runtimeFolder: string
  /** Where volumes are mounted; default /mnt/acs. */
  mountFolder: string
  /** Docker's folder of plugin sockets; default /run/docker/plugins. */
  pluginFolder: string
  /** Why /etc/acs/plugin.yaml cannot be used; the defaults are taken then. */
  pluginConfigError?: AcsError
  /** Docker's API; default /run/docker.sock. */
  dockerSocket: string
  /** Folders of systemd's units, the first wins. */
  unitFolders: readonly string[]
  /** Of containers.conf, the last wins. */
  containersConfs: readonly string[]
  /** Folder of drop-ins to containers.conf. */
  containersConfFolder: string
  env: Readonly<Record<string, string | undefined>>
  /** The cluster; rejects when none is configured. */
  cluster: () => Promise<ClusterAccess>
  deadline: Deadline
}

export interface ClusterAccess {
  prism: Prism
  /** `host:port` of Prism. */
  authority: string
  host: string
  port: number
  /** Data services portal of the configuration, which goes before the cluster's own answer. */
  dataServices?: string
  /** Names of contexts for other clusters: what this one does not know may be theirs. */
  otherClusters: readonly string[]
  /** The time on the cluster, without a login. */
  clock: (deadline: Deadline) => Promise<Date | undefined>
}

/** Longest time of one check. */
export const checkLimitMs = 5_000

/** Longest wait for a TCP connection. */
export const connectLimitMs = 3_000
