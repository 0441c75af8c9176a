import { deadlineIn } from '../base/deadline.js'
import type { HostMachine } from '../host/host.js'
import type { References } from '../volume/references.js'

export interface VolumeUsage {
  sizeBytes: number
  usedBytes: number
  availableBytes: number
}

/** How full mounted volumes are, as last measured: `Get` must not wait for a disk that may not answer. */
export interface Usage {
  of(uuid: string): VolumeUsage | undefined
  /** Measures anew what is mounted, each within 5 s; what does not answer is left out. */
  measure(mounted: readonly Pick<References, 'uuid' | 'mountPoint'>[]): Promise<void>
}

export function createUsage(host: Pick<HostMachine, 'usage'>): Usage {
  let usage = new Map<string, VolumeUsage>()
  return {
    of: (uuid) => usage.get(uuid),
    async measure(mounted) {
      const measured = await Promise.all(
        mounted.map(async ({ uuid, mountPoint }) => {
          const found = await host.usage(mountPoint, deadlineIn(5_000)).catch(() => undefined)
          return found ? [[uuid, found] as const] : []
        }),
      )
      usage = new Map(measured.flat())
    },
  }
}
