import { isAcsError, type AcsError } from '../base/errors.js'
import { changeVolume, without, withRecord } from './change.js'
import type { Me, VolumeContext } from './context.js'
import { readVolume } from './find.js'
import type { HandOverRequest } from './trailer.js'
import type { Volume } from './volume.js'

/**
 * Hosts share no secret. Whoever asks a holder for a volume first writes so into the volume's record, with the
 * fingerprint of the certificate it will ask with: only who may write to the cluster can do that, and who can do
 * that could take the volume anyway. The record has room for one request; a second host waits for its turn.
 */

/** How old a request may be, either way: clocks differ. */
const maxAgeMs = 5 * 60_000
/** A host that still asks writes its request anew after that long. */
const renewAfterMs = 10_000
/** A request of another host that did not change for so long is one that nobody stands behind any more. */
const abandonedAfterMs = 3 * renewAfterMs

/** Whether the cluster's record says that the host with that certificate asks for the volume, now. */
export async function isEntitled(context: VolumeContext, uuid: string, fingerprint: string): Promise<boolean> {
  try {
    const volume = await readVolume(context, uuid)
    return isRecent(volume.trailer?.q, fingerprint, Date.now())
  } catch (error) {
    if (isAcsError(error, 'EACSNOTFOUND')) return false
    throw error
  }
}

export function isRecent(request: HandOverRequest | undefined, fingerprint: string, nowMs: number): boolean {
  if (request?.f !== fingerprint) return false
  return Math.abs(nowMs - Date.parse(request.at)) <= maxAgeMs
}

/** One host's requests for one volume. */
export interface Asking {
  /**
   * Reads the volume and writes the request where `wanted` says so, no other host's is in the way and there is
   * room for it. A silent holder can be told without one.
   */
  write(wanted: (volume: Volume) => boolean): Promise<Volume>
  /** Why the holder would refuse us: another host's turn, or the error that says that there is no room. */
  barrier(volume: Volume): 'other' | AcsError | undefined
  /** Takes the request back, when it is still there. */
  withdraw(context: VolumeContext): Promise<void>
}

export function startAsking(context: VolumeContext, uuid: string, me: Me, fingerprint: string): Asking {
  let other = { text: '', sinceMs: 0 }
  /** Whether another host's request bars ours. Its age is measured by our watching: clocks differ. */
  const isBarred = (request: HandOverRequest): boolean => {
    const text = JSON.stringify(request)
    if (text !== other.text) other = { text, sinceMs: performance.now() }
    return performance.now() - other.sinceMs < abandonedAfterMs
  }
  let noRoom: AcsError | undefined
  const isOurs = (volume: Volume): boolean => volume.trailer?.q?.f === fingerprint
  return {
    barrier: (volume) => (isOurs(volume) ? undefined : (noRoom ?? 'other')),
    write: (wanted) =>
      changeVolume(context, uuid, (volume) => {
        const there = volume.trailer?.q
        if (!wanted(volume)) return undefined
        if (there && (isOurs(volume) ? isFresh(there) : isBarred(there))) return undefined
        const q = { n: me.hostName, i: me.initiatorName, f: fingerprint, at: new Date().toISOString() }
        noRoom = undefined
        try {
          return { description: withRecord(volume, (trailer) => ({ ...trailer, q })) }
        } catch (error) {
          if (!isAcsError(error, 'EACSDESCRIPTION')) throw error
          noRoom = error
          return undefined
        }
      }),
    async withdraw(late) {
      await changeVolume(late, uuid, (volume) =>
        isOurs(volume) ? { description: withRecord(volume, (trailer) => without(trailer, 'q')) } : undefined,
      )
    },
  }
}

function isFresh(request: HandOverRequest): boolean {
  const ageMs = Date.now() - Date.parse(request.at)
  return ageMs >= 0 && ageMs < renewAfterMs
}
