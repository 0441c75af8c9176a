import type { GroupRecord } from './store/records.js'

/** What the cluster tells its iSCSI side; `noIscsi` where there is none. */
export interface IscsiFace {
  /** Ends the sessions of initiators the group no longer allows; on return none of their commands runs. */
  revoked(group: GroupRecord): Promise<void>
  /** A disk was added to or taken from the group. */
  lunsChanged(group: GroupRecord): void
  diskResized(diskUuid: string): void
  diskRemoved(diskUuid: string): void
}

export const noIscsi: IscsiFace = {
  revoked: () => Promise.resolve(),
  lunsChanged: () => undefined,
  diskResized: () => undefined,
  diskRemoved: () => undefined,
}
