import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { removeDurably, writeAtomically, writeDurably, writeState } from '../base/durable-file.js'
import { AcsError, errorCode, messageOf } from '../base/errors.js'
import type { VolumeContext } from './context.js'
import { isUuid } from './names.js'

/** Every step that is journaled before it runs, in the order of a first mount and what takes it back. */
export const journalSteps = [
  'revoke',
  'claim',
  'share',
  'claim-for-readers',
  'join-readers',
  'replay-journal',
  'admit-readers',
  'attach-disk',
  'start-format',
  'zero-device',
  'make-filesystem',
  'finish-format',
  'check-filesystem',
  'mount',
  'set-owner',
  'fail-io',
  'unmount',
  'detach-disk',
  'release',
  'clone-group',
  'describe-clone',
  'rename-current',
  'rename-restored',
] as const

export const noIntent = 'none'

export type JournalStep = (typeof journalSteps)[number]

/** After a crash of the machine nothing of these is left to take back, so that an older journal, without them, will do. */
const onThisMachineOnly: readonly JournalStep[] = [
  'attach-disk',
  'check-filesystem',
  'mount',
  'fail-io',
  'unmount',
  'detach-disk',
]

const factsSchema = v.object({
  /** This machine found the device blank and started to format it: the only proof that lets it try again. */
  format: v.optional(v.object({ token: v.string(), fsUuid: v.string(), at: v.string() })),
  /** The root of the new filesystem still belongs to root. */
  ownerPending: v.optional(v.boolean()),
  /** What a clone, a snapshot or a restore makes, so that the same command finds its half-made group. */
  copy: v.optional(v.object({ source: v.string(), uuid: v.string(), name: v.string(), at: v.string() })),
  /** Name the current state gets when a snapshot is restored over it. */
  keepAs: v.optional(v.string()),
})

const entrySchema = v.object({
  v: v.literal(1),
  uuid: v.string(),
  name: v.string(),
  /** What the user asked for; `noIntent` when nothing is under way and only facts are kept. */
  intent: v.string(),
  step: v.nullable(v.picklist(journalSteps)),
  startedAt: v.string(),
  pid: v.number(),
  facts: factsSchema,
})

export type JournalFacts = v.InferOutput<typeof factsSchema>
export type JournalEntry = v.InferOutput<typeof entrySchema>

/** The journal of one volume on this machine: what is being done to it, written before it is done. */
export interface Journal {
  readonly facts: Readonly<JournalFacts>
  /** An earlier process died in the middle of a step; this one takes it up. */
  readonly interrupted: boolean
  /** Writes `step` down, runs it, and marks the points around it where a test may crash. */
  run(step: JournalStep, work: () => Promise<void>): Promise<void>
  /** Adds facts (or takes away those given as undefined), durably. */
  learn(facts: JournalFacts): Promise<void>
  /** Ends the intent. Facts that outlive it stay. */
  end(): Promise<void>
}

/** Opens the journal of a volume for an intent. The caller holds the volume's lock. */
export async function openJournal(
  context: VolumeContext,
  volume: { uuid: string; name: string },
  intent: string,
): Promise<Journal> {
  const before = await readJournal(context.stateFolder, volume.uuid)
  let entry: JournalEntry = {
    v: 1,
    uuid: volume.uuid,
    name: volume.name,
    intent,
    step: null,
    startedAt: new Date().toISOString(),
    pid: process.pid,
    facts: before?.facts ?? {},
  }
  let written = before !== undefined
  const write = async (writeFile = writeDurably): Promise<void> => {
    await writeState(pathOf(context.stateFolder, volume.uuid), JSON.stringify(entry) + '\n', writeFile)
    written = true
  }
  return {
    get facts() {
      return entry.facts
    },
    interrupted: before !== undefined && before.step !== null,
    async run(step, work) {
      entry = { ...entry, step }
      await write(onThisMachineOnly.includes(step) ? writeAtomically : writeDurably)
      context.checkpoint?.(step, 'before')
      await work()
      context.checkpoint?.(step, 'after')
    },
    async learn(facts) {
      entry = { ...entry, facts: { ...entry.facts, ...facts } }
      await write()
    },
    async end() {
      if (!written) return
      const { facts } = entry
      if (facts.format ?? facts.ownerPending ?? facts.copy) {
        entry = { ...entry, intent: noIntent, step: null }
        await write()
      } else await removeDurably(pathOf(context.stateFolder, volume.uuid))
    },
  }
}

/** The journal entry of a volume, or undefined. Throws EACSJOURNAL when it cannot be read. */
export async function readJournal(stateFolder: string, volumeUuid: string): Promise<JournalEntry | undefined> {
  const path = pathOf(stateFolder, volumeUuid)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw unreadable(path, messageOf(error), error)
  }
  try {
    return v.parse(entrySchema, JSON.parse(text))
  } catch (error) {
    throw unreadable(path, messageOf(error), error)
  }
}

/** UUIDs of the volumes that have a journal on this machine. */
export async function journaledVolumes(stateFolder: string): Promise<string[]> {
  try {
    const names = await readdir(folderOf(stateFolder))
    return names.filter((name) => /^[0-9a-f-]+\.json$/.test(name)).map((name) => name.slice(0, -'.json'.length))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw unreadable(folderOf(stateFolder), messageOf(error), error)
  }
}

function folderOf(stateFolder: string): string {
  return join(stateFolder, 'journal')
}

function pathOf(stateFolder: string, volumeUuid: string): string {
  if (!isUuid(volumeUuid)) throw new AcsError('bug', 'EACSBUG', `"${volumeUuid}" is not the UUID of a volume`)
  return join(folderOf(stateFolder), `${volumeUuid.toLowerCase()}.json`)
}

function unreadable(path: string, why: string, cause: unknown): AcsError {
  return new AcsError('failed', 'EACSJOURNAL', `the journal ${path} cannot be read: ${why}`, {
    hints: [`Look at it: cat ${path}`, 'Without it, acs formats nothing that is not blank; then remove it'],
    cause,
  })
}
