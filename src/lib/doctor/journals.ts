import { join } from 'node:path'
import { removeDurably } from '../base/durable-file.js'
import type { JournalEntry } from '../volume/journal.js'
import { volumeLockHolder } from '../volume/lock.js'
import { parseSnapshotReference, printable } from '../volume/names.js'
import type { DoctorContext } from './context.js'
import type { Drift } from './drift.js'
import type { Facts } from './facts.js'
import type { Finding } from './finding.js'

/**
 * What was begun on this machine and did not end, with the command that ends it. `drift` tells whether the volume is
 * still there; without it nothing is said of that.
 */
export async function journalFindings(
  { stateFolder }: DoctorContext,
  facts: Facts,
  drift: Drift | undefined,
): Promise<Finding[]> {
  const begun = facts.journals.filter(({ intent }) => intent !== 'none')
  const looked = await Promise.all(
    begun.map(async (journal) => ((await volumeLockHolder(lockOf(journal))) === undefined ? [journal] : [])),
  )
  return [
    ...looked.flat().map((journal) => unfinished(journal, stateFolder, drift)),
    ...facts.badJournals.map((why): Finding => ({
      id: 'unfinished',
      severity: 'problem',
      title: why,
      evidence: [],
      cure: [],
    })),
  ]
}

function unfinished(journal: JournalEntry, stateFolder: string, drift: Drift | undefined): Finding {
  const name = printable(journal.name)
  const path = join(stateFolder, 'journal', `${journal.uuid.toLowerCase()}.json`)
  const common = {
    id: 'unfinished',
    about: name,
    severity: 'problem',
    evidence: [`it stopped ${journal.step === null ? 'before its first step' : `at the step ${journal.step}`}`, path],
  } as const
  const began = `${journal.intent} of ${name} was begun ${journal.startedAt} and did not end`
  if (!drift || makesGroups.has(journal.intent) || drift.concerned.has(journal.uuid))
    return { ...common, title: began, cure: [commandFor(journal)] }
  const sure = drift.cluster.access.otherClusters.length === 0
  return {
    ...common,
    title: `${began}; the cluster ${drift.cluster.cluster.name} has no such volume any more`,
    cure: [`rm ${path}`],
    ...(sure
      ? {
          fix: {
            words: `remove the journal of ${name}`,
            run: async () => {
              await removeDurably(path)
              return undefined
            },
          },
        }
      : {}),
  }
}

/** Their journal is of the group they make, which need not be there yet. */
const makesGroups = new Set(['clone', 'snapshot'])

/** Whoever clones a volume has the lock of the source. */
function lockOf(journal: JournalEntry): string {
  return makesGroups.has(journal.intent) ? (journal.facts.copy?.source ?? journal.uuid) : journal.uuid
}

/** The command that goes on where the journal stopped. */
export function commandFor({ intent, name, facts }: Pick<JournalEntry, 'intent' | 'name' | 'facts'>): string {
  const source = facts.copy?.source
  if (intent === 'clone') return `acs volume clone ${source ?? 'SOURCE'} ${printable(name)}`
  if (intent === 'restore') return `acs volume snapshot restore ${source ?? `${printable(name)}@SNAPSHOT`}`
  if (intent === 'snapshot' && name.includes('@')) {
    const { volume, snapshot } = parseSnapshotReference(name)
    return `acs volume snapshot create ${printable(volume)} ${printable(snapshot)}`
  }
  return `acs volume ${intent} ${printable(name)}`
}
