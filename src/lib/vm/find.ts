import { isUuid } from '../base/uuid.js'
import type { Image, Network, Vm } from '../prism/prism.js'
import type { VmContext } from './context.js'
import { matchNames, vmKind } from './names.js'
import { pick } from './pick.js'

/** The machine of that exact name or UUID. Throws EACSNOTFOUND or EACSAMBIGUOUS. */
export async function findVm(context: VmContext, nameOrUuid: string): Promise<Vm> {
  const { prism, deadline } = context
  if (isUuid(nameOrUuid)) return prism.vm(nameOrUuid.toLowerCase(), { deadline })
  return pick(vmKind, await prism.vms({ deadline }), nameOrUuid)
}

/** The machines that the patterns mean. Throws like `matchNames`. */
export async function findVms(context: VmContext, patterns: readonly string[]): Promise<Vm[]> {
  return matchNames(patterns, await context.prism.vms({ deadline: context.deadline }))
}

/** The image of that name or UUID; it may not be active yet. Throws EACSNOTFOUND or EACSAMBIGUOUS. */
export async function findImage(context: VmContext, nameOrUuid: string): Promise<Image> {
  const images = await context.prism.images({ deadline: context.deadline })
  return pick({ what: 'image', listCommand: 'acs image list' }, images, nameOrUuid)
}

/** The network of that name or UUID. Throws EACSNOTFOUND or EACSAMBIGUOUS. */
export async function findNetwork(context: VmContext, nameOrUuid: string): Promise<Network> {
  const networks = await context.prism.networks({ deadline: context.deadline })
  return pick({ what: 'network', listCommand: 'acs network list' }, networks, nameOrUuid)
}

/** The one that volumes go to where none is named. */
export { findContainer } from '../volume/containers.js'
