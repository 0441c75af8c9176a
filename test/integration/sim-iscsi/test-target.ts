import { startIscsiTarget } from '../../../src/lib/sim/iscsi/target.js'
import type { IscsiTarget, IscsiTargetOptions } from '../../../src/lib/sim/iscsi/target.js'
import type { ChapCredentials, TargetDisk } from '../../../src/lib/sim/iscsi/target-backend.js'

export const targetName = 'iqn.2010-06.com.nutanix:vol-6c6e4a3c-0000-4000-8000-000000000001'

/** What the tests' backend allows; change it while the target runs. */
export interface Permissions {
  disks: Map<number, TargetDisk>
  /** Initiators that may log in; undefined: all. */
  allowed?: Set<string>
  chap?: ChapCredentials
  discoveryChap?: ChapCredentials
}

export async function startTestTarget(
  permissions: Permissions,
  options: Partial<IscsiTargetOptions> = {},
): Promise<IscsiTarget> {
  const mayEnter = (name: string): boolean => permissions.allowed?.has(name) ?? true
  return startIscsiTarget({
    backend: {
      visibleTargets: ({ name }) => (mayEnter(name) ? [{ targetName }, { targetName: `${targetName}-tgt0` }] : []),
      openTarget: (asked, { name }) =>
        mayEnter(name) && (asked === targetName || asked === `${targetName}-tgt0`)
          ? {
              targetName: asked,
              chap: permissions.chap,
              lun: (lun) => permissions.disks.get(lun),
              luns: () => [...permissions.disks.keys()],
            }
          : undefined,
      discoveryChap: () => permissions.discoveryChap,
    },
    listen: { host: '127.0.0.1', port: 0 },
    cvmListen: { host: '127.0.0.1', port: 0 },
    onError: (error) => {
      throw error
    },
    ...options,
  })
}
