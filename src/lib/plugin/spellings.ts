import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { writeState } from '../base/durable-file.js'

const none: readonly string[] = []

const schema = v.object({ v: v.literal(1), volumes: v.record(v.string(), v.array(v.string())) })

/**
 * The names by which Docker on this host knows volumes that it was given with options in the name: to dockerd the whole of
 * `db,size=20G` is the volume's name, and `db` another volume.
 */
export interface Spellings {
  /** Docker's names of a volume, the volume's own among them if Docker has used that too; none when Docker uses just that. */
  of(volume: { uuid: string; name: string }): readonly string[]
  /** Docker has made or mounted the volume under that name. Durable when it resolves. */
  learn(volume: { uuid: string; name: string }, spelled: string): Promise<void>
  /** Docker has removed that name. */
  forget(uuid: string, spelled: string): Promise<void>
  /** Drops volumes that are no more. */
  keepOnly(isThere: (uuid: string) => boolean): Promise<void>
}

/** In a file, as Docker's own record outlives the plugin too. A lost file costs `docker volume ls` the longer names until the next mount. */
export async function openSpellings(
  stateFolder: string,
  canonicalName: (spelled: string) => string,
): Promise<Spellings> {
  const path = join(stateFolder, 'spellings.json')
  const byUuid = await read(path)
  let writing = Promise.resolve()

  const write = (): Promise<void> => {
    const content = JSON.stringify({ v: 1, volumes: Object.fromEntries(byUuid) }) + '\n'
    const next = writing.then(() => writeState(path, content))
    writing = next.catch(() => undefined)
    return next
  }

  return {
    // A volume that was renamed on the cluster is no longer found by the old spelling.
    of: ({ uuid, name }) => byUuid.get(uuid)?.filter((spelled) => canonicalName(spelled) === name) ?? none,
    async learn({ uuid, name }, spelled) {
      const known = byUuid.get(uuid)
      // The plain name says something only beside another.
      if (known?.includes(spelled) || (!known && spelled === name)) return
      byUuid.set(uuid, [...(known ?? []), spelled])
      await write()
    },
    async forget(uuid, spelled) {
      const known = byUuid.get(uuid)
      if (!known?.includes(spelled)) return
      const left = known.filter((each) => each !== spelled)
      if (left.length > 0) byUuid.set(uuid, left)
      else byUuid.delete(uuid)
      await write()
    },
    async keepOnly(isThere) {
      const gone = [...byUuid.keys()].filter((uuid) => !isThere(uuid))
      for (const uuid of gone) byUuid.delete(uuid)
      if (gone.length > 0) await write()
    },
  }
}

async function read(path: string): Promise<Map<string, string[]>> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const file = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
  return new Map(file.success ? Object.entries(file.output.volumes) : [])
}
