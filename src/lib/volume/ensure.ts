import { isAcsError } from '../base/errors.js'
import { formatSize } from '../base/sizes.js'
import type { CallOptions, StorageContainer, VolumeGroup } from '../prism/prism.js'
import { adoptVolume } from './adopt.js'
import { newChapSecret } from './chap.js'
import { cloneVolume } from './clone.js'
import { findContainer } from './containers.js'
import type { VolumeContext } from './context.js'
import { createVolume } from './create.js'
import { duplicateName, findVolume } from './find.js'
import { splitInlineName } from './inline-name.js'
import { checkVolumeName } from './names.js'
import { optionsHelp } from './options-help.js'
import { asksForHelp, badOption, defaultSizeBytes, parseOptions, sourceOf, type VolumeOptions } from './options.js'
import { resolveOptions, type OptionsPolicy, type ResolvedOptions } from './profiles.js'
import { checkQuota, type QuotaPolicy } from './quota.js'
import { splitOptions } from './steps.js'
import { asVolume, diskAt, nameOf, sizeOf, type Volume } from './volume.js'

/** What an administrator says about new volumes; the plugin's configuration is one. */
export interface VolumePolicy extends OptionsPolicy {
  quota?: QuotaPolicy
}

export interface EnsureRequest {
  /** As Docker spells it, perhaps with options inside. */
  name: string
  /** As Docker sends them, `-o` each. */
  options: Readonly<Record<string, string>>
  policy: VolumePolicy
  /** Storage container where nothing else says one. */
  container?: string
  onTask?: CallOptions['onTask']
}

export interface EnsureResult {
  /** Canonical; Docker goes on to use the spelled one, see `splitInlineName`. */
  name: string
  volume: Volume
  /** False when it was there. */
  created: boolean
}

/**
 * What a volume plugin's Create does: makes that there is a volume of that name and those options. New, a clone, or the
 * one that is there, ours or not, if what the user asked for does not contradict it (defaults and rules are for new
 * ones). Idempotent by name, also when two hosts ask at once, and when an earlier try crashed half way.
 *
 * Throws EACSHELP for `-o help`; EACSDRIVEROPTION, EACSENFORCED, EACSPROFILE, EACSNAME (usage); EACSQUOTA, EACSEXISTS,
 * EACSDUPLICATE, EACSHELD (conflict); and what the cluster says.
 */
export async function ensureVolume(context: VolumeContext, request: EnsureRequest): Promise<EnsureResult> {
  const { policy } = request
  const { name, options: inline } = splitInlineName(request.name)
  const entries = [...inline, ...Object.entries(request.options)]
  if (asksForHelp(entries)) throw optionsHelp(policy)
  const resolved = resolveOptions(parseOptions(entries), policy)
  const source = sourceOf(resolved.options)
  await checkToolOptions(resolved.options)

  const groups = await context.prism.volumeGroups({ deadline: context.deadline })
  const named = groups.filter((group) => group.name === name)
  if (named.length > 1) throw duplicateName(name, named)
  const [there] = named
  const wanted: Wanted = { ...request, name, ...resolved, groups, there }
  if (source !== undefined) return ensureClone(context, wanted, source)
  return there ? adopt(context, wanted, there) : create(context, wanted)
}

interface Wanted extends ResolvedOptions {
  name: string
  policy: VolumePolicy
  container?: string
  onTask?: CallOptions['onTask']
  /** All there are, and the one that has the name. */
  groups: readonly VolumeGroup[]
  there: VolumeGroup | undefined
}

async function adopt(context: VolumeContext, { name, asked }: Wanted, there: VolumeGroup): Promise<EnsureResult> {
  const { sizeBytes, filesystem } = asked
  return { name, volume: await adoptVolume(context, there.uuid, { sizeBytes, filesystem }), created: false }
}

async function create(context: VolumeContext, wanted: Wanted): Promise<EnsureResult> {
  const { options } = wanted
  const name = checkVolumeName(wanted.name)
  const { sizeBytes = defaultSizeBytes, flash, chap, description, filesystem } = options
  const { mkfsOptions, mountOptions, uid, gid, mode, onRemove, readOnly } = options
  const container = await findContainer(context, options.container ?? wanted.container)
  await checkQuotas(context, wanted, sizeBytes, container)
  const { volume, created, uuid } = await createVolume(context, {
    ...{
      name,
      sizeBytes,
      description,
      filesystem,
      mkfsOptions,
      mountOptions,
      uid,
      gid,
      mode,
      flash,
      onRemove,
      readOnly,
    },
    container: container.uuid,
    existsOk: true,
    ...(chap ? { chapSecret: newChapSecret() } : {}),
    ...(wanted.onTask ? { onTask: wanted.onTask } : {}),
  })
  return { name, volume: volume ?? (await findVolume(context, uuid)), created }
}

async function ensureClone(context: VolumeContext, wanted: Wanted, from: string): Promise<EnsureResult> {
  const { name, there, options, asked, enforced } = wanted
  let source: Volume
  try {
    source = await findVolume(context, from)
  } catch (error) {
    // It was cloned, and its source is gone since.
    if (there && isAcsError(error, 'EACSNOTFOUND')) return adopt(context, wanted, there)
    throw error
  }
  // Defaults describe new volumes; a clone is as its source is.
  const sizeBytes = asked.sizeBytes ?? enforced.sizeBytes
  if (!there) await checkClone(context, wanted, source, sizeBytes)
  const { description, mountOptions, flash, readOnly, onRemove } = options
  const { volume, created } = await cloneVolume(context, {
    ...{ name, source: source.group.uuid, description, mountOptions, flash, readOnly, onRemove, sizeBytes },
    filesystem: asked.filesystem ?? enforced.filesystem,
    existsOk: true,
    ...(wanted.onTask ? { onTask: wanted.onTask } : {}),
  })
  return { name, volume: volume ?? (await findVolume(context, name)), created }
}

async function checkClone(
  context: VolumeContext,
  wanted: Wanted,
  source: Volume,
  sizeBytes: number | undefined,
): Promise<void> {
  const { asked, enforced } = wanted
  checkVolumeName(wanted.name)
  for (const key of ['mkfsOptions', 'uid', 'gid', 'mode', 'chap'] as const)
    if (asked[key] !== undefined)
      throw badOption(`a clone has what its source has: ${optionNames[key]} goes with new volumes only`)
  const disk = diskAt(source)
  if (sizeBytes !== undefined && sizeBytes < disk.sizeBytes)
    throw badOption(`a clone is no smaller than its source: ${nameOf(source)} has ${formatSize(disk.sizeBytes)}`)
  const container = await findContainer(context, disk.storageContainerUuid)
  const other = asked.container ?? enforced.container
  if (other !== undefined && (await findContainer(context, other)).uuid !== container.uuid)
    throw badOption(
      `a clone is made where its source is: ${nameOf(source)} is in storage container "${container.name}"`,
    )
  const growth = Math.max(0, (sizeBytes ?? 0) - disk.sizeBytes)
  await checkQuotas(context, wanted, sizeOf(source.group) + growth, container)
}

const optionNames = { mkfsOptions: 'mkfs-options', uid: 'uid', gid: 'gid', mode: 'mode', chap: 'chap' } as const

async function checkQuotas(
  context: VolumeContext,
  { name, policy, groups }: Wanted,
  sizeBytes: number,
  container: StorageContainer,
): Promise<void> {
  if (!policy.quota) return
  const { hostName } = await context.host.identity()
  checkQuota(groups.map(asVolume), policy.quota, { name, sizeBytes, hostName, container })
}

/** What mkfs and mount would refuse at the first Mount is better refused now. */
async function checkToolOptions({ filesystem = 'ext4', mkfsOptions, mountOptions }: VolumeOptions): Promise<void> {
  if (mkfsOptions !== undefined) {
    const { assertMkfsOptions } = await import('../host/filesystem.js')
    assertMkfsOptions(filesystem, splitOptions(mkfsOptions))
  }
  if (mountOptions === undefined) return
  const { mountOptions: check } = await import('../host/mount.js')
  check({ options: splitOptions(mountOptions) })
}
