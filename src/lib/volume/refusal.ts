import { AcsError } from '../base/errors.js'
import { heldElsewhere } from './holder.js'
import { printable } from './names.js'
import type { Refusal } from './plan.js'
import type { Work } from './steps.js'
import { nameOf } from './volume.js'

/** The error of a planner's refusal: cause, evidence, next commands. */
export function refusal(why: Refusal, work: Work): AcsError {
  const { finding, me } = work
  const { volume, hold, mounts, content } = finding
  const name = printable(volume.group.name)
  const details = { uuid: volume.group.uuid, name: volume.group.name, evidence: content?.evidence ?? [] }
  const seen = content === undefined ? '' : `: ${contentWords(content)}`
  const places = mounts.map((mount) => mount.mountPoint).join(', ')
  const wipe = `To wipe it and format it anew: acs volume format ${name} --i-know`
  switch (why) {
    case 'held':
      if (hold.kind === 'free') break
      return heldElsewhere(volume, hold, me)
    case 'fenced': {
      const here = places === '' ? (finding.disk?.devicePath ?? 'attached') : `mounted at ${places}`
      const now = hold.kind === 'free' ? 'no longer lets this machine in' : 'lets someone else in'
      return new AcsError(
        'conflict',
        'EACSFENCED',
        `volume ${nameOf(volume)} is still ${here} here, but the cluster ${now}`,
        {
          hints: [`Clean up here first: acs volume unmount ${name}`, `See who has it: acs volume explain ${name}`],
          details,
        },
      )
    }
    case 'mounted-elsewhere':
      return new AcsError('conflict', 'EACSMOUNTED', `volume ${nameOf(volume)} is mounted at ${places} already`, {
        hints: [`Use it there, or unmount it first: acs volume unmount ${name}`],
        details: { ...details, mountPoints: mounts.map((mount) => mount.mountPoint) },
      })
    case 'mounted':
      return new AcsError('conflict', 'EACSMOUNTED', `volume ${nameOf(volume)} is mounted at ${places}`, {
        hints: [`Unmount and detach it: acs volume unmount ${name}`],
        details: { ...details, mountPoints: mounts.map((mount) => mount.mountPoint) },
      })
    case 'never-formatted':
      return new AcsError(
        'conflict',
        'EACSNOFILESYSTEM',
        `volume ${nameOf(volume)} has no filesystem, and acs has no permission to make one: only a volume that acs created new is formatted at its first mount`,
        { hints: [`To make one: acs volume format ${name} --i-know`], details },
      )
    case 'not-blank':
      return new AcsError(
        'conflict',
        'EACSNOTBLANK',
        `volume ${nameOf(volume)} was never formatted by acs, but its disk is not empty${seen}; nothing was written to it`,
        { hints: [`To keep and mount what is there: acs volume update ${name} --adopt`, wipe], details },
      )
    case 'format-interrupted': {
      const { b: by, u: fsUuid } = volume.trailer?.fmt ?? {}
      return new AcsError(
        'conflict',
        'EACSNOTBLANK',
        `formatting volume ${nameOf(volume)} began on ${printable((by ?? 'another machine').split('/')[0] ?? '')} and did not end, and its disk is not empty${seen}`,
        {
          hints: [`Mount it on that machine, which can prove what it wrote`, wipe],
          details: { ...details, startedBy: by, filesystemUuid: fsUuid },
        },
      )
    }
    case 'foreign-content':
      return new AcsError(
        'conflict',
        'EACSNOTBLANK',
        `volume ${nameOf(volume)} has no filesystem that acs mounts${seen}`,
        {
          hints: [`Attach it without mounting: acs volume attach ${name}`, wipe],
          details: { ...details, wanted: volume.trailer?.fs },
        },
      )
  }
  return new AcsError('bug', 'EACSBUG', `refused for no reason (${why})`)
}

function contentWords(content: NonNullable<Work['finding']['content']>): string {
  if (content.state === 'filesystem') return `it has ${content.type}${content.uuid ? ` (UUID ${content.uuid})` : ''}`
  const what = content.state === 'data' ? [content.what] : ['it is empty']
  return printable([...new Set([...what, ...content.evidence])].join('; '))
}
