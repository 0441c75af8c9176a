import { isRecord } from '../../base/record.js'
import type { DriverVolume, PluginLog } from '../driver.js'

/** As Go's structs name it (moby volume/drivers/proxy.go). */
interface ProxyVolume {
  Name: string
  Mountpoint: string
  CreatedAt?: string
  Status?: Readonly<Record<string, unknown>>
}

/**
 * JSON of an answer that holds volumes. Whatever a driver puts into them, it is one that Go can read: dockerd
 * takes an unreadable answer to `Get` for "no such volume" and forgets what it knew of it (finding 1).
 */
export function volumesText(
  volumes: readonly DriverVolume[],
  answer: (volumes: readonly ProxyVolume[]) => object,
  log: PluginLog,
): string {
  const shaped = volumes.map(proxyVolume)
  try {
    return JSON.stringify(answer(shaped))
  } catch {
    return JSON.stringify(answer(shaped.map((volume) => withoutBadStatus(volume, log))))
  }
}

/** One of thousands in a list: what spreads would do here, takes several times as long with them. */
function proxyVolume({ name, mountPoint, createdAt, status }: DriverVolume): ProxyVolume {
  const shaped: ProxyVolume = { Name: name, Mountpoint: mountPoint ?? '' }
  const time = createdAt === undefined ? undefined : goTime(createdAt)
  if (time !== undefined) shaped.CreatedAt = time
  if (isRecord(status)) shaped.Status = status
  return shaped
}

/** RFC 3339, which is all that Go's time.Time takes; undefined when it is no point in time. */
function goTime(text: string): string | undefined {
  const date = new Date(text)
  if (Number.isNaN(date.getTime())) return undefined
  const time = date.toISOString()
  // JavaScript writes years past 9999 with a sign and six digits.
  return /^\d{4}-/.test(time) ? time : undefined
}

function withoutBadStatus(volume: ProxyVolume, log: PluginLog): ProxyVolume {
  try {
    JSON.stringify(volume.Status)
    return volume
  } catch (error) {
    log.error({ volume: volume.Name, err: error }, 'left out a status that is no JSON; this is a bug in acs')
    return { ...volume, Status: undefined }
  }
}
