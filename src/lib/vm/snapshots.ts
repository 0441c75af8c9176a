import type { VmSnapshot } from '../prism/prism.js'
import type { VmContext } from './context.js'
import { findVm } from './find.js'
import { pick } from './pick.js'

/** A snapshot with the name of its machine, or the machine's UUID where that is gone. */
export type NamedSnapshot = VmSnapshot & { vm: string }

/** Of one machine, or of all. */
export async function namedSnapshots(context: VmContext, vm: string | undefined): Promise<NamedSnapshot[]> {
  const { prism, deadline } = context
  if (vm !== undefined) {
    const { uuid, name } = await findVm(context, vm)
    return (await prism.vmSnapshots(uuid, { deadline })).map((snapshot) => ({ ...snapshot, vm: name }))
  }
  const [snapshots, vms] = await Promise.all([prism.vmSnapshots(undefined, { deadline }), prism.vms({ deadline })])
  const names = new Map(vms.map(({ uuid, name }) => [uuid, name]))
  return snapshots.map((snapshot) => ({ ...snapshot, vm: names.get(snapshot.vmUuid) ?? snapshot.vmUuid }))
}

/** The machine's snapshot of that name or UUID. Throws EACSNOTFOUND or EACSAMBIGUOUS. */
export async function findSnapshot(context: VmContext, vm: string, nameOrUuid: string): Promise<NamedSnapshot> {
  const snapshots = await namedSnapshots(context, vm)
  return pick({ what: 'snapshot', listCommand: `acs vm snapshot list ${vm}` }, snapshots, nameOrUuid)
}
