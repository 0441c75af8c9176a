import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import type { AttachedDisk, DiskSession, HostIdentity, Initiator, MountEntry } from '../host/host.js'
import { existingUserspaceName, parseInitiatorName } from '../host/iscsi/initiator-name.js'
import { journaledVolumes, readJournal, type JournalEntry } from '../volume/journal.js'
import { printable } from '../volume/names.js'
import type { DoctorContext } from './context.js'
import { readAllReferences, type References } from './references.js'

/** A disk that acs attached here, and the session behind it. */
export interface LocalDisk extends AttachedDisk {
  by: Initiator
  session?: DiskSession
}

/** What this machine has of volumes, read once for all checks. */
export interface Facts {
  identity: HostIdentity
  /** Initiator names of this machine that exist already: the kernel's and the userspace initiator's. */
  initiatorNames: string[]
  disks: LocalDisk[]
  /** Sessions of all disks, also of those whose device is gone. */
  sessions: DiskSession[]
  mounts: MountEntry[]
  references: References
  journals: JournalEntry[]
  /** Files that make no sense, with why. */
  badJournals: string[]
}

/** Reads it all, without I/O to any disk. Throws what the machine says. */
export async function lookAtMachine(context: DoctorContext, deadline: Deadline): Promise<Facts> {
  const { host, initiators, stateFolder } = context
  const [identity, mounts, references, journals, initiatorNames, disks] = await Promise.all([
    host.identity(),
    host.mounts(),
    readAllReferences(stateFolder),
    readJournals(stateFolder),
    namesOf(context),
    Promise.all(initiators.map((initiator) => disksOf(initiator, deadline))),
  ])
  return {
    identity,
    mounts,
    references,
    ...journals,
    initiatorNames,
    disks: disks.flatMap((each) => each.disks),
    sessions: disks.flatMap((each) => each.sessions),
  }
}

async function disksOf(by: Initiator, deadline: Deadline): Promise<{ disks: LocalDisk[]; sessions: DiskSession[] }> {
  const [attached, sessions] = await Promise.all([by.attached(deadline), by.sessions(deadline)])
  const disks = attached.map((disk) => {
    const session = sessions.find(({ targetName, lun }) => targetName === disk.targetName && lun === disk.lun)
    return { ...disk, by, ...(session ? { session } : {}) }
  })
  return { disks, sessions }
}

async function namesOf({ roots, stateFolder }: DoctorContext): Promise<string[]> {
  const [kernel, userspace] = await Promise.all([
    readFile(join(roots.etc, 'iscsi', 'initiatorname.iscsi'), 'utf8').then(parseInitiatorName, () => undefined),
    existingUserspaceName(stateFolder).catch(() => undefined),
  ])
  return [kernel, userspace].flatMap((name) => name ?? [])
}

async function readJournals(stateFolder: string): Promise<Pick<Facts, 'journals' | 'badJournals'>> {
  const read = await Promise.all(
    (await journaledVolumes(stateFolder)).map((uuid) =>
      readJournal(stateFolder, uuid).then(
        (journal) => ({ journal }),
        (error: unknown) => ({ bad: messageOf(error) }),
      ),
    ),
  )
  return {
    journals: read.flatMap((each) => ('journal' in each ? (each.journal ?? []) : [])),
    badJournals: read.flatMap((each) => ('bad' in each ? [each.bad] : [])),
  }
}

/** Who uses a mount point through the plugin, in words; none when the plugin knows nobody. */
export function usersOf({ references, identity }: Facts, mountPoint: string): string[] {
  return references.kept
    .filter((each) => each.mountPoint === mountPoint && each.bootId === identity.bootId && each.ids.length > 0)
    .map(
      ({ ids, name }) =>
        `${ids.length} container mount${ids.length === 1 ? '' : 's'} of ${printable(name)} since ${ids[0]?.at ?? ''}`,
    )
}
