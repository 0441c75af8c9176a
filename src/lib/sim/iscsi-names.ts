/** Recorded: what stands before `iscsi_target` on the wire. */
export const targetPrefix = 'iqn.2010-06.com.nutanix:'

/** `-tgtN` is a virtual target of the group; without it all disks are behind one target. */
export function splitTargetName(targetName: string, virtualTargets: number): { base: string; virtual?: number } {
  const lower = targetName.toLowerCase()
  const [, base, number] = /^(.+)-tgt(\d+)$/.exec(lower) ?? []
  if (base === undefined || number === undefined || Number(number) >= virtualTargets) return { base: lower }
  return { base, virtual: Number(number) }
}
