import { AcsError } from '../base/errors.js'
import type { AttachedDisk } from '../host/host.js'
import { checkSecret, keepChapSecret } from './chap.js'
import type { VolumeContext } from './context.js'
import { note } from './context.js'
import { endReading, grant, revokeAll, type Grant } from './exclusive.js'
import { findVolume } from './find.js'
import { initiatorsOf, readersSince, sameInitiator } from './holder.js'
import { runSession } from './session.js'
import { refuseUnusable } from './usable.js'
import { nameOf, type Volume } from './volume.js'

export interface AttachRequest {
  volume: string
  /** Revoke whoever has it first. */
  takeOver?: boolean
  /** Beside others: no protection against two writers. */
  shared?: boolean
  /** Kept on this machine for this and later attaches. */
  chapSecret?: string
  dryRun?: boolean
}

export interface AttachResult {
  volume: Volume
  disk?: AttachedDisk
  /** False when it was so already. */
  changed: boolean
  planned?: string[]
}

/** Attaches the volume's disk to this machine, exclusively unless asked otherwise. Idempotent. */
export async function attachVolume(context: VolumeContext, request: AttachRequest): Promise<AttachResult> {
  const { takeOver = false, shared = false } = request
  const result = await runSession(context, {
    volume: request.volume,
    intent: 'attach',
    desired: { state: 'attached', takeOver, shared },
    ...(request.dryRun === undefined ? {} : { dryRun: request.dryRun }),
    check: async (work) => {
      if (request.chapSecret === undefined || request.dryRun) return
      await keepChapSecret(context.stateFolder, work.finding.volume.group.uuid, checkSecret(request.chapSecret))
    },
  })
  const { disk } = result.work.finding
  const changed = result.done.length > 0
  if (!changed && !result.planned && disk)
    note(context, `volume ${nameOf(result.volume)} is attached already, as ${disk.devicePath}`)
  return {
    volume: result.volume,
    changed,
    ...(disk ? { disk } : {}),
    ...(result.planned ? { planned: result.planned } : {}),
  }
}

export interface GrantRequest extends Grant {
  volume: string
  takeOver?: boolean
  shared?: boolean
  dryRun?: boolean
}

/** Lets an initiator in by name, without touching this machine: exclusively unless `shared`. Idempotent. */
export async function grantVolume(context: VolumeContext, request: GrantRequest): Promise<AttachResult> {
  checkInitiatorName(request.initiator)
  const before = await findVolume(context, request.volume)
  const { uuid } = before.group
  refuseUnusable(before)
  const allowed = initiatorsOf(before)
  const has = allowed.some((initiator) => sameInitiator(initiator, request.initiator))
  const alone = allowed.length === 1 && readersSince(before) === undefined
  if (has && (request.shared === true || alone)) {
    note(context, `volume ${nameOf(before)} lets ${request.initiator} in already`)
    return { volume: before, changed: false, ...(request.dryRun ? { planned: [] } : {}) }
  }
  if (request.dryRun) {
    const revoke = request.takeOver ? [`revoke all access to volume ${nameOf(before)}`] : []
    const how = request.shared ? 'allow' : 'allow only'
    return { volume: before, changed: false, planned: [...revoke, `${how} ${request.initiator} to use it`] }
  }
  if (request.takeOver) await revokeAll(context, uuid)
  if (request.shared) {
    await endReading(context, uuid)
    await context.prism.allowInitiator(uuid, { clientAddress: request.initiator }, { deadline: context.deadline })
    return { volume: await findVolume(context, uuid), changed: true }
  }
  return { volume: await grant(context, uuid, request), changed: true }
}

/** RFC 7143 4.2.7: `iqn.`, `eui.` and `naa.` names; Prism takes an IP address too. Throws EACSINITIATOR (usage). */
export function checkInitiatorName(name: string): void {
  if (/^(iqn\.\d{4}-\d{2}\.[a-z0-9.-]+(:[^\s\p{Cc}]+)?|eui\.[0-9a-f]{16}|naa\.[0-9a-f]{16,32})$/iu.test(name)) {
    if (Buffer.byteLength(name) <= 223) return
  } else if (/^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:]+)$/i.test(name)) return
  throw new AcsError('usage', 'EACSINITIATOR', `"${name}" is not the name of an iSCSI initiator`, {
    hints: ['An initiator looks like iqn.1993-08.org.debian:01:abcdef (see /etc/iscsi/initiatorname.iscsi there)'],
  })
}
