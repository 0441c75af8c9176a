import { AcsError } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import type { InitiatorKind } from '../host/host.js'
import { rememberedHolds } from '../volume/attach-record.js'
import { currentHolder, holdOf, sameInitiator, type Hold } from '../volume/holder.js'
import { volumeLockHolder } from '../volume/lock.js'
import { printable } from '../volume/names.js'
import { runSession } from '../volume/session.js'
import { targetName } from '../volume/target-name.js'
import type { Volume } from '../volume/volume.js'
import { volumeContext, type Drift } from './drift.js'
import type { Finding, Fix } from './finding.js'

/** Volumes that this machine holds and does not use: nobody else can have them. */
export async function holdFindings(drift: Drift): Promise<Finding[]> {
  const looked = await Promise.all([...drift.concerned.values()].map((volume) => judge(drift, volume)))
  return looked.flat()
}

async function judge(drift: Drift, volume: Volume): Promise<Finding[]> {
  const { facts } = drift
  const { uuid } = volume.group
  const hold = await myHold(drift, volume)
  if (hold === undefined || facts.disks.some((disk) => disk.targetName === targetName(volume.group))) return []
  // It is being attached or detached right now.
  if ((await volumeLockHolder(uuid)) !== undefined) return []
  const name = printable(volume.group.name)
  const users = facts.references.kept.find((each) => each.uuid === uuid)?.ids.length ?? 0
  const evidence = [`held since ${printable(hold.holder.s)}`, 'no disk of it is attached here']
  if (hold.kind === 'mine')
    return [
      {
        id: 'idle-hold',
        about: name,
        severity: 'problem',
        title: `this machine holds ${name} and does not have it attached: nobody else can use it`,
        evidence: [...evidence, ...(users > 0 ? [`${users} containers are to have it`] : [])],
        cure: [`acs volume detach ${name}`, `acs volume mount ${name}   to use it here`],
        // The plugin's own start puts right what containers are to have.
        ...(users > 0 ? {} : { fix: detachFix(drift, volume, hold.kind) }),
      },
    ]
  return [
    {
      id: 'earlier-boot',
      about: name,
      severity: users > 0 ? 'info' : 'warning',
      title:
        users > 0
          ? `this machine held ${name} before it restarted: its ${users} containers get it back when they start`
          : `this machine has held ${name} since before it restarted, and nobody else can use it`,
      evidence,
      cure: [`acs volume mount ${name}   to go on with it here`, `acs volume detach ${name}   to give it back`],
      ...(users > 0 ? {} : { fix: detachFix(drift, volume, hold.kind) }),
    },
  ]
}

type OwnHold = Extract<Hold, { kind: 'mine' | 'restarted' }>

async function myHold({ context, facts }: Drift, volume: Volume): Promise<OwnHold | undefined> {
  const remembered = await rememberedHolds(context.stateFolder, volume.group.uuid)
  const { hostName, bootId } = facts.identity
  for (const initiatorName of facts.initiatorNames) {
    const hold = holdOf(volume, { hostName, bootId, initiatorName }, remembered)
    if (hold.kind === 'mine' || hold.kind === 'restarted') return hold
  }
  return undefined
}

function detachFix(drift: Drift, volume: Volume, kind: OwnHold['kind']): Fix {
  const name = printable(volume.group.name)
  return {
    words: `give ${name} back to the cluster`,
    run: (deadline) => giveBack(drift, volume, kind, deadline),
  }
}

/** Under the volume's lock, and only if it is still held and not here: someone may have begun to use it meanwhile. */
async function giveBack(drift: Drift, volume: Volume, kind: OwnHold['kind'], deadline: Deadline): Promise<undefined> {
  const { uuid, name } = volume.group
  await runSession(volumeContext(drift, deadline, await initiatorOf(drift, volume)), {
    volume: uuid,
    intent: 'detach',
    desired: { state: 'detached', unmount: false },
    check: ({ finding }) => {
      if (finding.hold.kind === kind && !finding.disk && finding.mounts.length === 0) return
      throw new AcsError('conflict', 'EACSCHANGED', `${printable(name)} is used here, or held by another, meanwhile`, {
        hints: ['Look again: acs doctor'],
      })
    },
  })
  return undefined
}

/** The initiator it is held by, which need not be the one that `auto` picks now. */
async function initiatorOf({ context }: Drift, { trailer }: Volume): Promise<InitiatorKind | 'auto'> {
  for (const initiator of context.initiators) {
    const own = await initiator.name().catch(() => undefined)
    if (own !== undefined && sameInitiator(trailer?.h?.i, own)) return initiator.kind
  }
  return 'auto'
}

/** Other hosts with this machine's initiator name: to the cluster they are one machine, and one writer. */
export function sharedNameFindings({ cluster, facts }: Drift): Finding[] {
  const { hostName } = facts.identity
  const others = new Map<string, { volumes: string[]; initiator: string }>()
  for (const volume of cluster.volumes) {
    const holder = currentHolder(volume)
    if (!holder || holder.n === hostName || holder.n === holder.i) continue
    if (!facts.initiatorNames.some((name) => sameInitiator(name, holder.i))) continue
    const other = others.get(holder.n) ?? { volumes: [], initiator: holder.i }
    others.set(holder.n, { ...other, volumes: [...other.volumes, volume.group.name] })
  }
  return [...others].map(([host, { volumes, initiator }]) => ({
    id: 'initiator-name-shared',
    about: printable(host),
    severity: 'problem',
    title: `another host, ${printable(host)}, has this machine's initiator name, as cloned machines do: the cluster cannot tell them apart`,
    evidence: [printable(initiator), `it holds ${volumes.map(printable).join(', ')}`],
    cure: [
      'On one of them, with no volume attached there: echo "InitiatorName=$(iscsi-iname)" > /etc/iscsi/initiatorname.iscsi && systemctl restart iscsid',
      'In user space: rm /var/lib/acs/initiatorname   the next attach makes a new one',
    ],
  }))
}
