import { splitTargetName, targetPrefix } from './iscsi-names.js'
import { normalAddress } from './iscsi-clients.js'
import type { SimulatedCluster } from './simulated-cluster.js'
import type {
  ChapCredentials,
  InitiatorIdentity,
  OpenTarget,
  TargetBackend,
  TargetDisk,
  VisibleTarget,
} from './iscsi/target-backend.js'
import type { ClientRecord, DiskRecord, GroupRecord } from './store/records.js'

/** The cluster as the iSCSI target asks for it: who may see which group, under which names, with which disks. */
export function createTargetBackend(cluster: SimulatedCluster): TargetBackend {
  return {
    visibleTargets(initiator) {
      return cluster.groups
        .list()
        .filter((group) => allowedClient(cluster, group, initiator))
        .flatMap((group) => targetNames(cluster, group))
    },
    openTarget(targetName, initiator) {
      const { virtual } = splitTargetName(targetName, cluster.behaviour.virtualTargets)
      const group = groupOfTarget(cluster, targetName)
      const client = group && allowedClient(cluster, group, initiator)
      // While the last holder's commands end, nobody new gets in: revoke comes before grant.
      if (!group || !client || cluster.groups.isRevoking(group.uuid)) return undefined
      return openGroup(cluster, group, client, { targetName, virtual })
    },
  }
}

export function groupOfTarget(cluster: SimulatedCluster, targetName: string): GroupRecord | undefined {
  const { base } = splitTargetName(targetName, cluster.behaviour.virtualTargets)
  return cluster.groups.list().find((group) => (targetPrefix + group.iscsiTarget).toLowerCase() === base)
}

function targetNames({ behaviour }: SimulatedCluster, group: GroupRecord): VisibleTarget[] {
  const base = targetPrefix + group.iscsiTarget
  const used = new Set(group.disks.map((disk) => disk.index % behaviour.virtualTargets))
  // A group without disks still shows its first virtual target: it can be logged in to, and has no LUN.
  const virtual = [...(used.size === 0 ? [0] : used)].sort((a, b) => a - b).map((number) => `${base}-tgt${number}`)
  const names = { virtual, base: [base], both: [base, ...virtual] }[behaviour.discovery]
  return names.map((targetName) => ({ targetName }))
}

function openGroup(
  cluster: SimulatedCluster,
  { uuid, authentication }: GroupRecord,
  client: ClientRecord,
  target: { targetName: string; virtual?: number },
): OpenTarget {
  const { virtual } = target
  const disks = (): { lun: number; record: DiskRecord }[] => {
    const group = cluster.store.groups.get(uuid)
    const { virtualTargets, virtualTargetLun } = cluster.behaviour
    const behind = (group?.disks ?? []).filter(
      (disk) => virtual === undefined || disk.index % virtualTargets === virtual,
    )
    // With "zero", disks that share a virtual target cannot all be LUN 0: later ones count on from there.
    return behind.map((record, at) => ({
      lun: virtual !== undefined && virtualTargetLun === 'zero' ? at : record.index,
      record,
    }))
  }
  const secret = authentication?.type === 'chap' ? authentication.secret : undefined
  const chap = client === hypervisor ? undefined : chapOf(secret, client, target.targetName)
  return {
    targetName: target.targetName,
    ...(chap && { chap }),
    lun(lun): TargetDisk | undefined {
      const found = disks().find((disk) => disk.lun === lun)
      return found && cluster.disks.disk(found.record)
    },
    luns: () => disks().map((disk) => disk.lun),
  }
}

/**
 * The group's secret is what initiators prove; a client's own secret is what the target proves in return
 * (mutual CHAP). A client with a secret of its own in a group without one must prove its own (assumed).
 */
function chapOf(
  groupSecret: string | undefined,
  client: ClientRecord,
  targetName: string,
): ChapCredentials | undefined {
  const own = client.authentication?.type === 'chap' ? client.authentication.secret : undefined
  if (groupSecret !== undefined)
    return { secret: groupSecret, ...(own !== undefined && { mutual: { username: targetName, secret: own } }) }
  return own === undefined ? undefined : { secret: own }
}

/** Known by a name nobody else has; it may use what is attached to a machine, and proves nothing. */
const hypervisor: ClientRecord = { uuid: '', address: '' }

function hypervisorOf({ attachments }: GroupRecord): ClientRecord | undefined {
  return attachments.some((attachment) => 'vmUuid' in attachment) ? hypervisor : undefined
}

/** The allowed client this initiator is, by name or by address. */
export function allowedClient(
  cluster: SimulatedCluster,
  group: GroupRecord,
  initiator: InitiatorIdentity,
): ClientRecord | undefined {
  if (initiator.name === cluster.hypervisorInitiator) return hypervisorOf(group)
  const names = [normalAddress(initiator.name), normalAddress(initiator.address).replace(/^::ffff:/, '')]
  for (const attachment of group.attachments) {
    if (!('clientUuid' in attachment)) continue
    const client = cluster.store.clients.get(attachment.clientUuid)
    if (client && names.includes(client.address)) return client
  }
  return undefined
}
