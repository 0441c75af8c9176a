import type { VolumeContext } from './context.js'
import { findVolume } from './find.js'
import { findHere, type Here } from './here.js'
import { rememberedHolds } from './attach-record.js'
import { describeHold, holdOf, readersSince, type Hold } from './holder.js'
import { readJournal, type JournalEntry } from './journal.js'
import { defaultMountPoint } from './mount-point.js'
import { printable } from './names.js'
import { tokenState } from './observe.js'
import { isOurs, isTrashed, type Volume } from './volume.js'

export interface Explanation {
  name: string
  uuid: string
  /** One word: free, attached, mounted, held, fenced, shared, read, vm, snapshot, trash. */
  state: string
  /** The state in a sentence. */
  summary: string
  /** Facts it was concluded from, each with where it was seen. */
  evidence: string[]
  /** Commands that make sense now, with what for, most likely first. */
  next: string[]
}

/** Says what state a volume is in, who holds it and since when, from the cluster and from this machine, and what to do. */
export async function explainVolume(context: VolumeContext, nameOrUuid: string): Promise<Explanation> {
  const volume = await findVolume(context, nameOrUuid)
  const [here, remembered, journal, mounts] = await Promise.all([
    findHere(context, volume),
    rememberedHolds(context.stateFolder, volume.group.uuid),
    readJournal(context.stateFolder, volume.group.uuid),
    context.host.mounts(),
  ])
  const nobody = { hostName: '', bootId: '', initiatorName: '' }
  const hold = holdOf(volume, here?.me ?? nobody, remembered)
  const strays = mounts.filter((mount) => !here?.disk && mount.mountPoint === defaultMountPoint(volume))
  const places = [...(here?.mounts ?? []), ...strays].map((mount) => mount.mountPoint)
  const seen: Seen = { volume, here, hold, journal, places }
  return {
    name: volume.group.name,
    uuid: volume.group.uuid,
    ...conclude(seen),
    evidence: [...clusterEvidence(seen), ...machineEvidence(seen)],
  }
}

interface Seen {
  volume: Volume
  here: Here | undefined
  hold: Hold
  journal: JournalEntry | undefined
  /** Where it is mounted on this machine. */
  places: string[]
}

type Conclusion = Pick<Explanation, 'state' | 'summary' | 'next'>

function conclude(seen: Seen): Conclusion {
  const { volume, hold, here, places, journal } = seen
  const name = printable(volume.group.name)
  const who = describeHold(hold)
  const pending =
    journal && journal.intent !== 'none'
      ? [`acs volume ${journal.intent} ${name}   finish what was interrupted on this machine`]
      : []
  if (volume.trailer?.snap)
    return {
      state: 'snapshot',
      summary: `It is a snapshot of ${printable(volume.trailer.snap.ofName)}, taken ${volume.trailer.snap.at}.`,
      next: [
        `acs volume snapshot restore ${name}   put its data in the volume's place`,
        `acs volume create NAME --from-snapshot ${name}   make a new volume of it`,
      ],
    }
  const del = isTrashed(volume) ? volume.trailer?.del : undefined
  if (del)
    return {
      state: 'trash',
      summary: `It is volume ${printable(del.n)}, in the trash since ${printable(del.at)}; from ${printable(del.until)} on, acs volume prune deletes it.`,
      next: [`acs volume undelete ${name}   take it out`],
    }
  const member = ['mine', 'shared', 'reading'].includes(hold.kind)
  const localOnly = (places.length > 0 || here?.disk !== undefined) && !member
  if (localOnly)
    return {
      state: 'fenced',
      summary: `This machine still has it (${places.join(', ') || here?.disk?.devicePath}), but the cluster lets ${who} in: its writes here fail.`,
      next: [`acs volume unmount ${name}   clean up on this machine`],
    }
  switch (hold.kind) {
    case 'free':
      return {
        state: 'free',
        summary: 'Nobody has it attached.',
        next: [...pending, `acs volume mount ${name}   attach and mount it here`],
      }
    case 'vm':
      return {
        state: 'vm',
        summary: `It is attached to ${who}.`,
        next: ['Detach it from the virtual machine in Prism'],
      }
    case 'readers':
      return {
        state: 'read',
        summary: `It is a read-only volume, read by ${who}.`,
        next: [`acs volume mount ${name}   read it here too`],
      }
    case 'reading':
      return {
        state: 'read',
        summary: `It is a read-only volume, read by ${who}; ${places.length > 0 ? `here at ${places.join(', ')}` : 'this machine is one of them, and has it not mounted'}.`,
        next: [...pending, `acs volume unmount ${name}   take this machine off`],
      }
    case 'mine':
      return places.length > 0
        ? {
            state: 'mounted',
            summary: `This machine has it mounted at ${places.join(', ')}, held since ${hold.holder.s}.`,
            next: [...pending, `acs volume unmount ${name}   unmount and detach it`],
          }
        : {
            state: 'attached',
            summary: `This machine holds it since ${hold.holder.s}; it is not mounted.`,
            next: [...pending, `acs volume mount ${name}   mount it`, `acs volume detach ${name}   give it back`],
          }
    case 'restarted':
      return {
        state: 'attached',
        summary: `This machine held it before it restarted, since ${hold.holder.s}. Nobody else can write to it.`,
        next: [`acs volume mount ${name}   go on with it here`, `acs volume detach ${name}   give it back`],
      }
    case 'shared':
      return {
        state: 'shared',
        summary: `This machine and others may write to it: ${who}.`,
        next: [`acs volume detach ${name}   take this machine off`],
      }
    case 'lookalike':
      return {
        state: 'held',
        summary: `${who} holds it: the names of this machine, in a boot this machine has no record of. It may be a clone of this machine.`,
        next: [`acs volume attach ${name} --take-over   when that machine is off or is this one`],
      }
    case 'other':
      return {
        state: 'held',
        summary: `It is held by ${who}.`,
        next: [
          `acs volume unmount ${name}   on that machine, to give it back in order`,
          `acs volume attach ${name} --take-over   here, when that machine is off or gone`,
        ],
      }
  }
}

function clusterEvidence({ volume, hold }: Seen): string[] {
  const { group, trailer } = volume
  const since = readersSince(volume)
  const initiators = group.attachments.map((attachment) =>
    printable(attachment.initiatorName ?? attachment.initiatorAddress ?? `virtual machine ${attachment.vmUuid ?? '?'}`),
  )
  return [
    `cluster: allowed initiators: ${initiators.join(', ') || 'none'}`,
    trailer?.h
      ? `cluster: holder record: ${printable(trailer.h.n)}, ${printable(trailer.h.i)}, boot ${printable(trailer.h.b ?? 'not recorded')}, since ${printable(trailer.h.s)}${hold.kind === 'free' ? ' (out of date: not allowed in)' : ''}`
      : 'cluster: no holder record',
    ...(since === undefined || hold.kind === 'free'
      ? []
      : [`cluster: who is let in only reads, since ${printable(since)}`]),
    ...(isOurs(volume) ? [] : ['cluster: acs did not make this group; it is never formatted']),
    ...(trailer?.hid
      ? ['cluster: docker volume rm kept it; the plugin does not show it until it is created again']
      : []),
    ...(trailer?.prot ? ['cluster: protected against deletion'] : []),
    `cluster: version ${group.logicalTimestamp}`,
  ]
}

function machineEvidence({ volume, here, journal, places }: Seen): string[] {
  const token = tokenState(volume, { facts: journal?.facts ?? {} })
  const format = {
    none: [],
    fresh: ['cluster: never formatted; the first mount does, if the disk is empty'],
    'started-here': [
      'cluster and journal: this machine began to format it and did not end; the next mount starts again',
    ],
    'started-elsewhere': [
      `cluster: formatting began on ${printable(volume.trailer?.fmt?.b ?? 'another machine')} and did not end`,
    ],
  }[token]
  return [
    ...format,
    here
      ? `this machine: ${here.me.hostName}, ${here.initiator.kind} initiator ${here.me.initiatorName}, boot ${here.me.bootId}`
      : 'this machine: no initiator works here (acs doctor says why)',
    `this machine: ${here?.disk ? `attached as ${here.disk.devicePath}` : 'not attached'}`,
    `this machine: ${places.length > 0 ? `mounted at ${places.map(printable).join(', ')} (/proc/self/mountinfo)` : 'not mounted'}`,
    journal && journal.intent !== 'none'
      ? `this machine: journal: ${journal.intent} of ${journal.startedAt} stopped at step ${journal.step ?? 'start'} (pid ${journal.pid})`
      : 'this machine: journal: nothing under way',
  ]
}
