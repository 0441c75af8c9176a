import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { namesIn } from './folder.js'

/** What the doctor needs of the plugin's file of a volume; the plugin may keep more in it. */
const schema = v.object({
  uuid: v.string(),
  name: v.string(),
  mountPoint: v.string(),
  bootId: v.string(),
  ids: v.array(v.object({ id: v.string(), at: v.string() })),
})

/** Who uses a volume through the plugin on this machine. */
export type KeptReferences = v.InferOutput<typeof schema>

export interface References {
  kept: KeptReferences[]
  /** Files that make no sense. */
  unreadable: string[]
}

/** All reference files of the plugin. One that cannot be understood may stand for containers, so it is told. */
export async function readAllReferences(stateFolder: string): Promise<References> {
  const folder = join(stateFolder, 'references')
  const found: References = { kept: [], unreadable: [] }
  for (const name of (await namesIn(folder)).filter((each) => each.endsWith('.json'))) {
    const path = join(folder, name)
    const text = await readFile(path, 'utf8').catch(() => '')
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
    if (parsed.success) found.kept.push(parsed.output)
    else found.unreadable.push(path)
  }
  return found
}
