import { randomBytes } from 'node:crypto'
import { AcsError, isAcsError } from '../base/errors.js'
import { formatSize, maxVolumeBytes } from '../base/sizes.js'
import type { FilesystemType } from '../host/host.js'
import type { CallOptions, VolumeGroup, VolumeGroupSpec } from '../prism/prism.js'
import { adoptVolume } from './adopt.js'
import { forgetChapSecret, keepChapSecret } from './chap.js'
import { findContainer } from './containers.js'
import { announceStep, type VolumeContext } from './context.js'
import { duplicateName } from './find.js'
import { checkVolumeName, printable, uuidForName } from './names.js'
import { creatorName } from './quota.js'
import { checkMode, checkOptions } from './settings.js'
import { checkRoom, withHumanText, withTrailer, type RemovePolicy, type Trailer } from './trailer.js'
import { asVolume, headOf, nameOf, sizeOf, type Volume } from './volume.js'

/** How long a group may answer 404 after the cluster accepted it (recorded: "404 while busy"). */
export const settleMs = 30_000

export interface CreateRequest {
  name: string
  /** Bytes, whole MiB. */
  sizeBytes: number
  /** Name or UUID; may be left out where there is only one. */
  container?: string
  description?: string
  filesystem?: FilesystemType
  mkfsOptions?: string
  mountOptions?: string
  uid?: number
  gid?: number
  /** Octal. */
  mode?: string
  flash?: boolean
  /** Secret that initiators must know; kept on this machine. */
  chapSecret?: string
  onRemove?: RemovePolicy
  readOnly?: boolean
  protect?: boolean
  /** A volume of that name that is there already is success, if it is as large and has the filesystem asked for. */
  existsOk?: boolean
  dryRun?: boolean
  onTask?: CallOptions['onTask']
  wait?: boolean
}

export interface CreateResult {
  volume?: Volume
  uuid: string
  /** False when it was there already. */
  created: boolean
  taskUuid?: string
  planned?: string[]
}

/**
 * Creates a volume, to be formatted at its first mount. Two hosts that create one name at once make one group:
 * both derive the same UUID from the name. Throws EACSEXISTS, EACSDUPLICATE, or what the cluster says.
 */
export async function createVolume(context: VolumeContext, request: CreateRequest): Promise<CreateResult> {
  const name = checkVolumeName(request.name)
  checkSize(request.sizeBytes)
  const description = describe(request, (await context.host.identity()).hostName)
  const [container, place] = await Promise.all([findContainer(context, request.container), findPlace(context, name)])
  if (place.existing) return existing(context, asVolume(place.existing), request)

  const { uuid } = place
  const token = `${headOf(uuid)}-${randomBytes(6).toString('hex')}`
  const spec: VolumeGroupSpec = {
    name,
    uuid,
    description: description(token),
    disks: [{ sizeBytes: request.sizeBytes, storageContainerUuid: container.uuid, index: 0 }],
    ...(request.flash === undefined ? {} : { flashMode: request.flash }),
    ...(request.chapSecret === undefined ? {} : { chapSecret: request.chapSecret }),
  }
  if (request.dryRun)
    return {
      uuid,
      created: false,
      planned: [
        `create volume group "${name}" (${uuid}) with a disk of ${formatSize(request.sizeBytes)} in storage container ${printable(container.name)}`,
        `remember that its first mount makes an ${request.filesystem ?? 'ext4'} filesystem`,
      ],
    }

  if (request.chapSecret !== undefined) await keepChapSecret(context.stateFolder, uuid, request.chapSecret)
  announceStep(context, `creating volume group ${name}`)
  let taskUuid: string | undefined
  try {
    const options = {
      deadline: context.deadline,
      ...(request.onTask ? { onTask: request.onTask } : {}),
      ...(request.wait === undefined ? {} : { wait: request.wait }),
    }
    taskUuid = (await context.prism.createVolumeGroup(spec, options)).taskUuid
    if (request.wait === false) return { uuid, created: true, ...(taskUuid === undefined ? {} : { taskUuid }) }
  } catch (error) {
    await settleFailure(context, uuid, token, error)
  }
  const volume = asVolume(
    await context.prism.volumeGroup(uuid, { deadline: context.deadline, tolerateNotFoundMs: settleMs }),
  )
  // Another host asked for the same UUID in the same moment: the token tells whose request made the group.
  if (volume.trailer?.fmt?.t !== token) return lost(context, volume, request)
  return { uuid, volume, created: true, ...(taskUuid === undefined ? {} : { taskUuid }) }
}

/** Another host was faster: as if its volume had been there before. */
async function lost(context: VolumeContext, volume: Volume, request: CreateRequest): Promise<CreateResult> {
  if (request.chapSecret !== undefined) await forgetChapSecret(context.stateFolder, volume.group.uuid)
  return existing(context, volume, request)
}

export interface Place {
  /** For a new group. */
  uuid: string
  existing?: VolumeGroup
  /** The one that is there has a UUID of this name and source: acs made it as that, or is making it. */
  derived: boolean
}

/**
 * The group that has the name, or the UUID a new one gets: the first generation not taken by a renamed group.
 * @param sourceUuid what it is a copy of: copies of two sources under one name must not meet in one group.
 */
export async function findPlace(context: VolumeContext, name: string, sourceUuid = ''): Promise<Place> {
  const call = { deadline: context.deadline }
  const [groups, cluster] = await Promise.all([context.prism.volumeGroups(call), context.prism.cluster(call)])
  const named = groups.filter((group) => group.name === name)
  const [first] = named
  if (named.length > 1) throw duplicateName(name, named)
  const taken = new Set(groups.map((group) => group.uuid.toLowerCase()))
  let derived = false
  for (let generation = 0; ; generation += 1) {
    const uuid = uuidForName(cluster.uuid, sourceUuid === '' ? name : `${name}\0of ${sourceUuid}`, generation)
    if (!taken.has(uuid)) return { uuid, derived, ...(first ? { existing: first } : {}) }
    derived ||= first?.uuid.toLowerCase() === uuid
  }
}

/** Returns when a group of that UUID is there in spite of the error; else leaves nothing behind and rethrows. */
async function settleFailure(context: VolumeContext, uuid: string, token: string, error: unknown): Promise<void> {
  if (!isAcsError(error) || error.kind === 'auth' || error.kind === 'interrupted') throw error
  const group = await appearsAnyway(context, uuid, error)
  if (asVolume(group).trailer?.fmt?.t !== token || group.disks.length > 0) return
  // It failed half way, for instance in a full container.
  await context.prism.deleteVolumeGroup(group, { deadline: context.deadline })
  throw error
}

/**
 * The group of that UUID, though the cluster refused to make it: another host made it, or is at it. A group that is
 * being made is refused like one that is there, and cannot be read yet. Throws `error` when there is none.
 */
export async function appearsAnyway(context: VolumeContext, uuid: string, error: AcsError): Promise<VolumeGroup> {
  // How Prism words it is not recorded: no good reason to wait is any other.
  const perhaps = /exist|duplicate|already|unique|in use/i.test(error.message)
  try {
    return await context.prism.volumeGroup(uuid, {
      deadline: context.deadline,
      ...(perhaps ? { tolerateNotFoundMs: settleMs } : {}),
    })
  } catch {
    // The first error says more than this one.
    throw error
  }
}

async function existing(context: VolumeContext, volume: Volume, request: CreateRequest): Promise<CreateResult> {
  const { group } = volume
  if (!request.existsOk) throw nameTaken(volume)
  const { sizeBytes, filesystem, dryRun } = request
  const adopted = await adoptVolume(context, group.uuid, { sizeBytes, filesystem, dryRun })
  return { uuid: group.uuid, volume: adopted, created: false, ...(dryRun ? { planned: [] } : {}) }
}

/** EACSEXISTS: the name of a volume to be made is taken. */
export function nameTaken(volume: Volume): AcsError {
  const { uuid, name } = volume.group
  return new AcsError('conflict', 'EACSEXISTS', `there is a volume ${nameOf(volume)} already`, {
    hints: [`See it: acs volume show ${printable(name)}`, 'To go on with the one that is there: --exists-ok'],
    details: { uuid, name, sizeBytes: sizeOf(volume.group) },
  })
}

/** Checks the texts and returns the description for a token. Throws usage errors before anything is asked of the cluster. */
function describe(request: CreateRequest, hostName: string): (token: string) => string {
  const trailer = (token: string): Trailer => ({
    v: 1,
    fs: request.filesystem ?? 'ext4',
    fmt: { t: token },
    ...optional('mk', checkOptions('mkfs', request.mkfsOptions)),
    ...optional('mo', checkOptions('mount', request.mountOptions)),
    ...optional('uid', request.uid),
    ...optional('gid', request.gid),
    ...optional('mode', checkMode(request.mode)),
    ...optional('rm', request.onRemove),
    c: creatorName(hostName),
    ...(request.protect ? { prot: true } : {}),
    ...(request.readOnly ? { ro: true } : {}),
  })
  const human = withHumanText({ before: '', after: '' }, request.description ?? '')
  checkRoom(withTrailer({ before: human, after: '' }, trailer('x'.repeat(21))))
  return (token) => withTrailer({ before: human, after: '' }, trailer(token))
}

function optional<K extends keyof Trailer>(key: K, value: Trailer[K] | undefined): Partial<Trailer> {
  return value === undefined ? {} : { [key]: value }
}

function checkSize(sizeBytes: number): void {
  if (Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes <= maxVolumeBytes) return
  throw new AcsError('usage', 'EACSSIZE', `a volume cannot have ${sizeBytes} bytes`, {
    hints: [`At most ${formatSize(maxVolumeBytes)}`],
  })
}
