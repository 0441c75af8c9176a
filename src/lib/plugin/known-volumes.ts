import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { writeState } from '../base/durable-file.js'
import type { VolumeGroup } from '../prism/prism.js'
import { currentHolder } from '../volume/holder.js'
import { targetName } from '../volume/target-name.js'
import { asVolume, isOurs, isTrashed, sizeOf } from '../volume/volume.js'

const schema = v.object({
  uuid: v.string(),
  name: v.string(),
  /** Absent where only this host's references tell of it, as is `ours`. */
  sizeBytes: v.optional(v.number()),
  /** Full IQN. */
  target: v.string(),
  filesystem: v.optional(v.string()),
  /** acs made it. */
  ours: v.optional(v.boolean()),
  holder: v.optional(v.string()),
  since: v.optional(v.string()),
})

/** What the plugin knows of a volume without asking the cluster. */
export type KnownVolume = v.InferOutput<typeof schema>

const fileSchema = v.object({ v: v.literal(1), at: v.string(), volumes: v.array(schema) })

export interface KnownVolumes {
  /** The one of that name, the first by UUID where there are several. */
  get(name: string): KnownVolume | undefined
  byUuid(uuid: string): KnownVolume | undefined
  /** All of that name: Prism may allow several. */
  named(name: string): KnownVolume[]
  all(): KnownVolume[]
  /** What `get` finds: one of each name. */
  firsts(): Iterable<KnownVolume>
  /** When the cluster last told all of them; undefined before the first time. */
  readonly refreshedAt: Date | undefined
  /** Why the last look failed; undefined once one succeeded. */
  readonly lastError: { at: Date; error: unknown } | undefined
  /**
   * Asks the cluster for all, as they are at the call or after it: whoever comes while an answer is on its way shares
   * the next one. Throws what the cluster says.
   */
  refresh(): Promise<void>
  /** Takes in what a call has just learned. */
  learn(group: VolumeGroup): void
  forget(uuid: string): void
  /** Writes what is not on disk yet. */
  flush(): Promise<void>
}

/** How long a change may wait for the next before both are written. */
const writeDelayMs = 500

/**
 * The volumes of the cluster as last heard, in memory and in a file, so that `Get` and `List` are answered at once
 * and also while Prism cannot be reached. A lost file costs one question to the cluster.
 *
 * @param isKept a volume that stays known although the cluster no longer shows it: one that is in use here
 */
export async function openKnownVolumes(options: {
  stateFolder: string
  list: () => Promise<VolumeGroup[]>
  isKept: (uuid: string) => boolean
  warn: (error: unknown) => void
}): Promise<KnownVolumes> {
  const path = join(options.stateFolder, 'known-volumes.json')
  const read = await readKnown(path)
  let volumes = new Map<string, KnownVolume>()
  let names = new Map<string, KnownVolume[]>()
  let refreshedAt = read.at
  let lastError: KnownVolumes['lastError']
  let asking: Promise<void> | undefined
  let asksNext: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  /** Changes made while a list was under way are newer than the list. */
  let changes = new Map<string, KnownVolume | undefined>()

  const write = (): Promise<void> => {
    timer = undefined
    const content = JSON.stringify({
      v: 1,
      at: (refreshedAt ?? new Date(0)).toISOString(),
      volumes: [...volumes.values()],
    })
    writing = writing.then(() => writeState(path, content + '\n')).catch(options.warn)
    return writing
  }
  const writeSoon = (): void => {
    timer ??= setTimeout(() => void write(), writeDelayMs).unref()
  }
  const put = (known: KnownVolume): void => {
    drop(known.uuid)
    volumes.set(known.uuid, known)
    const others = names.get(known.name) ?? []
    names.set(
      known.name,
      [...others, known].sort((one, other) => (one.uuid < other.uuid ? -1 : 1)),
    )
  }
  const drop = (uuid: string): void => {
    const known = volumes.get(uuid)
    if (!known) return
    volumes.delete(uuid)
    const others = (names.get(known.name) ?? []).filter((other) => other.uuid !== uuid)
    if (others.length > 0) names.set(known.name, others)
    else names.delete(known.name)
  }
  read.volumes.forEach(put)
  const ask = async (): Promise<void> => {
    changes = new Map()
    const groups = await options.list()
    const before = volumes
    volumes = new Map()
    names = new Map()
    for (const group of groups) {
      const known = knownOf(group)
      if (known) put(known)
    }
    for (const [uuid, known] of changes)
      if (known) put(known)
      else drop(uuid)
    for (const volume of before.values()) if (!volumes.has(volume.uuid) && options.isKept(volume.uuid)) put(volume)
    refreshedAt = new Date()
    if (!sameVolumes(before, volumes)) writeSoon()
  }
  const start = (): Promise<void> => {
    asking = ask()
      .then(
        () => (lastError = undefined),
        (error: unknown) => {
          lastError = { at: new Date(), error }
          throw error
        },
      )
      .finally(() => {
        asking = undefined
      })
    return asking
  }

  return {
    get: (name) => names.get(name)?.[0],
    byUuid: (uuid) => volumes.get(uuid),
    named: (name) => names.get(name) ?? [],
    all: () => [...volumes.values()],
    *firsts() {
      for (const [first] of names.values()) if (first) yield first
    },
    get refreshedAt() {
      return refreshedAt
    },
    get lastError() {
      return lastError
    },
    refresh() {
      if (!asking) return start()
      asksNext ??= asking
        .catch(() => undefined)
        .then(() => {
          asksNext = undefined
          return start()
        })
      return asksNext
    },
    learn(group) {
      const known = knownOf(group)
      changes.set(group.uuid, known)
      if (known) put(known)
      else drop(group.uuid)
      writeSoon()
    },
    forget(uuid) {
      changes.set(uuid, undefined)
      drop(uuid)
      writeSoon()
    },
    async flush() {
      if (timer === undefined) return writing
      clearTimeout(timer)
      await write()
    },
  }
}

/** Undefined for what is no volume to Docker: snapshots, the trash, and what `docker volume rm` kept. */
function knownOf(group: VolumeGroup): KnownVolume | undefined {
  const volume = asVolume(group)
  if (volume.trailer?.snap || volume.trailer?.hid || isTrashed(volume)) return undefined
  const holder = currentHolder(volume)
  const { fs } = volume.trailer ?? {}
  return {
    uuid: group.uuid,
    name: group.name,
    sizeBytes: sizeOf(group),
    target: targetName(group),
    ours: isOurs(volume),
    ...(fs === undefined ? {} : { filesystem: fs }),
    ...(holder ? { holder: holder.n, since: holder.s } : {}),
  }
}

function sameVolumes(a: ReadonlyMap<string, KnownVolume>, b: ReadonlyMap<string, KnownVolume>): boolean {
  return a.size === b.size && JSON.stringify([...a.values()]) === JSON.stringify([...b.values()])
}

async function readKnown(path: string): Promise<{ volumes: KnownVolume[]; at: Date | undefined }> {
  const nothing = { volumes: [], at: undefined }
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return nothing
  const file = v.safeParse(v.pipe(v.string(), v.parseJson(), fileSchema), text)
  return file.success ? { volumes: file.output.volumes, at: new Date(file.output.at) } : nothing
}
