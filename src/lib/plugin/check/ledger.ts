import type { Deadline } from '../../base/deadline.js'
import { Complaint } from './check.js'
import type { PluginClient } from './client.js'
import { succeeded } from './exchange.js'
import { listed, mountpointOf, volumeIn } from './judge.js'

/** What a run may have left in the plugin; written before a request goes out, so that nothing is forgotten. */
export interface Ledger {
  addName(name: string): void
  addMount(name: string, id: string): void
  names(): string[]
  ids(name: string): string[]
  /** To be looked for at the end: its Create was not answered and may still be done, or it could not be removed. */
  suspect(name: string | undefined): void
  isSuspect(name: string): boolean
  drop(name: string): void
}

export function createLedger(): Ledger {
  // An ID counts as often as it mounted: some plugins want it unmounted as often.
  const volumes = new Map<string, string[]>()
  const suspects = new Set<string>()
  const idsOf = (name: string): string[] => {
    const ids = volumes.get(name) ?? []
    volumes.set(name, ids)
    return ids
  }
  return {
    addName: (name) => void idsOf(name),
    addMount: (name, id) => void idsOf(name).push(id),
    names: () => [...volumes.keys()],
    ids: (name) => [...(volumes.get(name) ?? [])],
    suspect(name) {
      if (name !== undefined && volumes.has(name)) suspects.add(name)
    },
    isSuspect: (name) => suspects.has(name),
    drop: (name) => void volumes.delete(name),
  }
}

/** Unmounts and removes what a check has made. What resists is left for `cleanUpAtLast`, and does not hold up every check. */
export async function cleanUp(ledger: Ledger, client: PluginClient): Promise<void> {
  for (const name of ledger.names().filter((each) => !ledger.isSuspect(each))) await tryRemoving(ledger, client, name)
}

/** The same for all that is left, with pauses between the tries. What cannot be removed stays in the ledger. */
export async function cleanUpAtLast(
  ledger: Ledger,
  client: PluginClient,
  deadline: Deadline,
  pausesMs: readonly number[],
): Promise<void> {
  for (const pauseMs of [0, ...pausesMs]) {
    const names = ledger.names().filter((name) => pauseMs === 0 || mayRemove(name))
    if (names.length === 0) return
    if (pauseMs > 0) await deadline.sleep(pauseMs, 'removing test volumes')
    for (const name of names) await tryRemoving(ledger, client, name)
  }
}

async function tryRemoving(ledger: Ledger, client: PluginClient, name: string): Promise<void> {
  if (await removed(ledger, client, name)) ledger.drop(name)
  else ledger.suspect(name)
}

async function removed(ledger: Ledger, client: PluginClient, name: string): Promise<boolean> {
  // Most are unmounted already, and a plugin that errs for those has been found out elsewhere.
  for (const id of ledger.ids(name)) await client.unmount(name, id)
  if (await isGone(client, name)) return true
  if (!mayRemove(name)) return false
  await client.remove(name)
  return isGone(client, name)
}

/** Joined into a path, a name of nothing else is the folder of all volumes, or what is above it. */
function mayRemove(name: string): boolean {
  return /[^./\s]/.test(name)
}

/** Only when the plugin says so twice: one of the two may be what is wrong with it. */
async function isGone(client: PluginClient, name: string): Promise<boolean> {
  try {
    if (volumeIn(await client.get(name)) !== null) return false
    const list = await client.list()
    return !succeeded(list) || listed(list, name).length === 0
  } catch (error) {
    if (error instanceof Complaint) return false
    throw error
  }
}

/** Where `Get` says that a volume is mounted: empty when nowhere, null when it finds none, undefined without an answer. */
export async function reportedMountpoint(client: PluginClient, name: string): Promise<string | null | undefined> {
  try {
    const volume = volumeIn(await client.get(name))
    return volume === null ? null : mountpointOf(volume)
  } catch (error) {
    if (error instanceof Complaint) return undefined
    throw error
  }
}
