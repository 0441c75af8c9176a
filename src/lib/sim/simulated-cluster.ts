import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { allDisks, findDisk } from './all-disks.js'
import { StorageContainers } from './containers.js'
import { FaultBoard } from './faults.js'
import { foundCluster } from './founding.js'
import { GroupRules } from './group-rules.js'
import { recordsOnly, type Hypervisor } from './hypervisor/hypervisor.js'
import { noIscsi, type IscsiFace } from './iscsi-face.js'
import { targetPrefix } from './iscsi-names.js'
import { DiskPlans } from './disk-plans.js'
import { Images } from './images.js'
import { IscsiClients } from './iscsi-clients.js'
import { prepareJob } from './jobs.js'
import { Networks } from './networks.js'
import type { SimulatorBehaviour, SimulatorLog } from './simulator.js'
import type { ClusterRecord } from './store/records.js'
import { DiskFiles } from './store/disk-files.js'
import { Store } from './store/store.js'
import { Tasks } from './tasks.js'
import { VmPlans } from './vm-plans.js'
import { VmSnapshots } from './vm-snapshots.js'
import { Vms } from './vms.js'
import { VolumeGroups } from './volume-groups.js'

export interface ClusterOptions {
  dataFolder: string
  behaviour: SimulatorBehaviour
  containerCapacityBytes?: number | undefined
  log: SimulatorLog
}

/** The parts of the cluster behind its REST and iSCSI faces. */
export class SimulatedCluster {
  /** Address of the data services portal without port, as the cluster tells it. */
  dataServicesAddress = '127.0.0.1'
  externalAddress = '127.0.0.1'
  readonly clients: IscsiClients
  readonly groups: VolumeGroups
  readonly networks: Networks
  readonly images: Images
  readonly vms: Vms
  readonly vmSnapshots: VmSnapshots
  readonly tasks: Tasks
  /** As whom the hypervisor reaches volume groups for machines. Nobody else knows the name. */
  readonly hypervisorInitiator = `iqn.2010-06.com.nutanix:acs-sim-hypervisor-${randomUUID()}`
  private iscsi: IscsiFace = noIscsi
  private hypervisor: Hypervisor = recordsOnly

  private constructor(
    readonly store: Store,
    readonly identity: ClusterRecord,
    readonly containers: StorageContainers,
    readonly disks: DiskFiles,
    readonly behaviour: SimulatorBehaviour,
    readonly faults: FaultBoard,
    readonly log: SimulatorLog,
  ) {
    this.clients = new IscsiClients(store)
    const iscsi = (): IscsiFace => this.iscsi
    const rules = new GroupRules(store, behaviour)
    this.groups = new VolumeGroups(store, containers, this.clients, disks, behaviour, () => this.tasks, iscsi, rules)
    const plans = new DiskPlans(store, containers, rules, behaviour)
    const tasks = (): Tasks => this.tasks
    this.images = new Images(store, containers, plans, behaviour, tasks)
    this.vms = new Vms(store, new VmPlans(store, containers, plans, behaviour), plans, behaviour, tasks)
    this.vmSnapshots = new VmSnapshots(store, this.vms, behaviour, tasks)
    this.networks = new Networks(store, identity.uuid, behaviour)
    const { clients } = this
    const machines = (): Hypervisor => this.hypervisor
    const parts = { store, rules, containers, clients, disks, behaviour, iscsi, machines }
    this.tasks = new Tasks(store, behaviour, faults, log, (job, signal) => prepareJob(parts, job, signal))
  }

  /** Reads the state of `dataFolder`, or founds a new cluster there. Tasks cut short go on with `resume`. */
  static async open(options: ClusterOptions): Promise<SimulatedCluster> {
    const { behaviour, log } = options
    const faults = new FaultBoard()
    const store = await Store.open(options.dataFolder, (bytes) =>
      log.warn({ bytes }, 'the journal ended in the middle of an entry; that entry was never acknowledged and is gone'),
    )
    const identity = foundCluster(store, options.containerCapacityBytes)
    await store.durable()
    // Each needs the other: room is a question about the disks of a container.
    const containers: StorageContainers = new StorageContainers(
      store,
      () => disks,
      () => behaviour.refusedStatus,
    )
    const disks = await DiskFiles.open(join(options.dataFolder, 'disks'), log, {
      faults,
      room: (uuid) => containers.room(uuid),
      faultNames: (uuid) => faultNames(store, uuid),
    })
    await disks.sweep(knownDisks(store))
    return new SimulatedCluster(store, identity, containers, disks, behaviour, faults, log)
  }

  connectIscsi(face: IscsiFace): void {
    this.iscsi = face
  }

  connectHypervisor(hypervisor: Hypervisor): void {
    this.hypervisor = hypervisor
  }

  /** What runs the machines. */
  get machines(): Hypervisor {
    return this.hypervisor
  }

  async close(): Promise<void> {
    await this.tasks.close()
    await this.disks.close()
    await this.store.close()
  }
}

function knownDisks(store: Store): Set<string> {
  return new Set([...allDisks(store)].map(({ disk }) => disk.uuid))
}

/** Names by which a fault finds a disk: its UUID, and what it belongs to; a volume group by its target too. */
function faultNames(store: Store, diskUuid: string): string[] {
  const owner = findDisk(store, diskUuid)?.owner
  switch (owner?.kind) {
    case 'group':
      return [diskUuid, targetPrefix + owner.group.iscsiTarget, owner.group.name]
    case 'vm':
      return [diskUuid, owner.vm.name]
    case 'image':
      return [diskUuid, owner.image.name]
    case 'snapshot':
      return [diskUuid, owner.snapshot.name]
    case undefined:
      return [diskUuid]
  }
}
