import * as v from 'valibot'
import { AcsError } from '../base/errors.js'

/**
 * What acs remembers about a volume on the cluster: one compact JSON object in the group's description,
 * behind the human text. Keys are short because Prism keeps at most 1000 characters.
 */
export interface Trailer {
  /** Format version; the part before the dot is the major. */
  v: number
  /** Filesystem the volume has, or will get at its first mount. */
  fs?: 'ext4' | 'xfs' | 'btrfs'
  /** One-shot permission to format. Its absence means: never format. */
  fmt?: FormatToken
  /** mkfs options. */
  mk?: string
  /** Mount options. */
  mo?: string
  /** Owner and mode given to the filesystem's root at its first mount. */
  uid?: number
  gid?: number
  mode?: string
  /** What the volume plugin does at `docker volume rm`; without it, what its configuration says. */
  rm?: RemovePolicy
  /** Protected against deletion. */
  prot?: boolean
  /** Mounted read-only only. */
  ro?: boolean
  /** Who holds it exclusively. */
  h?: Holder
  /** Another host's plugin asks the holder for it; proves to the holder that it may ask. */
  q?: HandOverRequest
  /** Present on a snapshot. */
  snap?: SnapshotMark
  /** acs made the group, where no `fs` or `snap` says so: the clone of a group whose filesystem is not known. */
  own?: boolean
  /** Host that created it, for quotas. */
  c?: string
  /**
   * Head of the UUID of the group it was cloned from. The description of a clone that is not finished is its
   * source's, which names another one.
   */
  cp?: string
  /** `docker volume rm` kept it: the plugin does not show it until a Create of that name takes it up again. */
  hid?: boolean
  /** Whoever is allowed in only reads, see readers.ts: head of this group's UUID, `-`, and since when. */
  rd?: string
  /** In the trash. */
  del?: TrashMark
}

export const removePolicies = ['retain', 'trash', 'delete'] as const
export type RemovePolicy = (typeof removePolicies)[number]

export interface FormatToken {
  /** Starts with the group's UUID head, so that a copied description carries no permission to the copy. */
  t: string
  /** UUID of the filesystem being made: formatting started and has not ended. */
  u?: string
  /** Who started it: host name and boot id. */
  b?: string
}

export interface Holder {
  /** Host name. */
  n: string
  /** Initiator IQN. */
  i: string
  /** Boot id of the host; absent when access was given to an initiator by name. */
  b?: string
  /** Address and certificate of the volume plugin there: `HOST:PORT#FINGERPRINT`, see plugin/peer/address.ts. */
  a?: string
  /** Since, ISO 8601. */
  s: string
}

export interface HandOverRequest {
  /** Host name and initiator IQN of whoever asks. */
  n: string
  i: string
  /** Fingerprint of the certificate it asks with. */
  f: string
  /** ISO 8601, by its clock. */
  at: string
}

export interface SnapshotMark {
  /** UUID and name of the volume it was taken of. */
  of: string
  ofName: string
  /** Its own name, the part after `@`. */
  name: string
  /** ISO 8601. */
  at: string
  /** The filesystem was frozen meanwhile. */
  frozen: boolean
}

export interface TrashMark {
  /** Head of the group's UUID: a copy of the description must not put the copy in the trash. */
  g: string
  /** Name it had. */
  n: string
  /** When it was put there, and until when it stays; ISO 8601. */
  at: string
  until: string
}

/** A description taken apart: `before + (trailer) + after` is the text, byte for byte. */
export interface Description {
  before: string
  after: string
  trailer?: Trailer
}

/** Prism v3 documents 1000 characters for a volume group's description; v2 is taken to share the back end's limit. */
export const maxDescriptionLength = 1000

const supportedMajor = 1
const mark = 'acs:'

const trailerSchema = v.looseObject({
  v: v.pipe(v.number(), v.minValue(1)),
  fs: v.optional(v.picklist(['ext4', 'xfs', 'btrfs'])),
  fmt: v.optional(v.looseObject({ t: v.string(), u: v.optional(v.string()), b: v.optional(v.string()) })),
  mk: v.optional(v.string()),
  mo: v.optional(v.string()),
  uid: v.optional(v.number()),
  gid: v.optional(v.number()),
  mode: v.optional(v.string()),
  rm: v.optional(v.picklist(removePolicies)),
  prot: v.optional(v.boolean()),
  ro: v.optional(v.boolean()),
  own: v.optional(v.boolean()),
  c: v.optional(v.string()),
  cp: v.optional(v.string()),
  hid: v.optional(v.boolean()),
  rd: v.optional(v.string()),
  del: v.optional(v.looseObject({ g: v.string(), n: v.string(), at: v.string(), until: v.string() })),
  h: v.optional(
    v.looseObject({
      n: v.string(),
      i: v.string(),
      b: v.optional(v.string()),
      a: v.optional(v.string()),
      s: v.string(),
    }),
  ),
  q: v.optional(v.looseObject({ n: v.string(), i: v.string(), f: v.string(), at: v.string() })),
  snap: v.optional(
    v.looseObject({ of: v.string(), ofName: v.string(), name: v.string(), at: v.string(), frozen: v.boolean() }),
  ),
})

// A newer major may have changed any key: only its version is believed.
const anyVersionSchema = v.looseObject({ v: v.pipe(v.number(), v.minValue(1)) })

/** Takes a description apart. The last well-formed trailer counts; one that was damaged by hand is human text. */
export function parseDescription(text: string): Description {
  for (let at = text.lastIndexOf(mark + '{'); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(mark + '{', at - 1)) {
    if (at > 0 && !/\s/.test(text.charAt(at - 1))) continue
    const end = endOfObject(text, at + mark.length)
    if (end === undefined) continue
    const trailer = parseTrailer(text.slice(at + mark.length, end))
    if (trailer) return { before: text.slice(0, at), after: text.slice(end), trailer }
  }
  return { before: text, after: '' }
}

/** The human's part, without the line break that sets the trailer off. */
export function humanText(description: Description): string {
  if (!description.trailer) return description.before
  return description.before.replace(/\n$/, '') + description.after
}

/**
 * The description with `trailer` in place of the old one; a trailer that says nothing is left out.
 * Throws EACSNEWER or EACSDESCRIPTION before anything changes.
 */
export function withTrailer(description: Description, trailer: Trailer): string {
  refuseNewer(description.trailer)
  if (Object.keys(trailer).every((key) => key === 'v')) return humanText(description)
  const { before, after } = description
  const separator = description.trailer || before === '' ? '' : '\n'
  return checkLength(before + separator + mark + JSON.stringify(trailer) + after)
}

/**
 * Room that use needs later, kept free when people write the text: a holder with its plugin's address, and another
 * host's request for it, while the filesystem is made. Counted in a test for host names of 64 and IQNs of 60
 * characters. The mark of the trash fits in the holder's place.
 */
export const roomForUse = 652

/** Throws EACSDESCRIPTION when a new text leaves no room for the holder and the format record. */
export function checkRoom(text: string): string {
  return checkLength(text, maxDescriptionLength - roomForUse)
}

/** The description with another human text and the same trailer. */
export function withHumanText(description: Description, human: string): string {
  refuseNewer(description.trailer)
  if (parseDescription(human).trailer)
    throw new AcsError('usage', 'EACSDESCRIPTION', 'a description may not contain a record of acs itself')
  if (!description.trailer) return checkRoom(human)
  const text = withTrailer({ before: human, after: '' }, description.trailer)
  return description.trailer.h ? text : checkRoom(text)
}

/** Throws EACSNEWER when a later acs wrote this trailer in a way this one cannot carry on. */
export function refuseNewer(trailer: Trailer | undefined): void {
  if (trailer === undefined || Math.floor(trailer.v) <= supportedMajor) return
  throw new AcsError(
    'conflict',
    'EACSNEWER',
    `a newer acs manages this volume (its record has version ${trailer.v}, this acs writes ${supportedMajor})`,
    { hints: ['Update acs on this machine'] },
  )
}

function parseTrailer(json: string): Trailer | undefined {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  const known = v.safeParse(trailerSchema, value)
  if (known.success) return known.output
  const newer = v.safeParse(anyVersionSchema, value)
  return newer.success && Math.floor(newer.output.v) > supportedMajor ? { v: newer.output.v } : undefined
}

/** Index after the `}` that closes the object at `start`, strings and escapes respected. */
function endOfObject(text: string, start: number): number | undefined {
  let depth = 0
  let inString = false
  for (let at = start; at < text.length; at += 1) {
    const character = text[at]
    if (inString) {
      if (character === '\\') at += 1
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{') depth += 1
    else if (character === '}') {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  return undefined
}

function checkLength(text: string, limit = maxDescriptionLength): string {
  if (text.length <= limit) return text
  throw new AcsError(
    'usage',
    'EACSDESCRIPTION',
    `the description would have ${text.length} characters with what acs keeps in it; ${limit} fit`,
    { hints: ['Shorten the description, the mkfs options or the mount options'] },
  )
}
