import { AcsError } from '../base/errors.js'
import type { DiskAddress } from '../host/host.js'
import { chapFor } from './chap.js'
import type { Me, VolumeContext } from './context.js'
import { portalAddress, targetName } from './target-name.js'
import { diskAt, type Volume } from './volume.js'

/** Where this machine finds the volume's disk, and what the disk must prove to be. */
export async function diskAddress(context: VolumeContext, volume: Volume, me: Me): Promise<DiskAddress> {
  const disk = diskAt(volume)
  const chap = await chapFor(context, volume, me)
  return {
    portal: await dataServicesPortal(context),
    targetName: targetName(volume.group),
    lun: disk.index,
    serial: disk.uuid,
    sizeBytes: disk.sizeBytes,
    ...(chap ? { chap } : {}),
  }
}

/** `host:port` of the data services portal: the one configured, else the cluster's. Throws EACSNODATASERVICES. */
export async function dataServicesPortal(context: VolumeContext): Promise<string> {
  if (context.dataServices !== undefined && context.dataServices !== '') return portalAddress(context.dataServices)
  const cluster = await context.prism.cluster({ deadline: context.deadline })
  if (cluster.dataServicesAddress !== undefined) return portalAddress(cluster.dataServicesAddress)
  throw new AcsError(
    'failed',
    'EACSNODATASERVICES',
    `cluster "${cluster.name}" has no iSCSI data services address, so no volume can be attached over iSCSI`,
    {
      hints: [
        'An administrator sets it once: ncli cluster edit-params external-data-services-ip-address=IP',
        'Or name a portal: --data-services HOST[:PORT]',
      ],
    },
  )
}
