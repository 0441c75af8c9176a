import { AcsError } from '../base/errors.js'
import { printable } from './names.js'

/** mkfs or mount options as stored in a volume's record. Throws EACSOPTIONS (usage). */
export function checkOptions(of: 'mkfs' | 'mount', text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const options = text.trim()
  // They become separate arguments, never a shell's text; control characters have no business in either.
  if (!/^[\x20-\x7e]*$/.test(options)) throw badOptions(of, text, 'only printable ASCII characters are taken')
  if (of === 'mkfs' && /(^|\s)-+(f|F|force)(\s|$)/.test(options))
    throw badOptions(of, text, 'acs never forces mkfs: it formats only what is proven empty')
  return options
}

/** `UID:GID`, `UID` or `:GID`, numbers only, as names differ between machines. Throws EACSOWNER (usage). */
export function parseOwner(text: string): { uid?: number; gid?: number } {
  const match = /^(\d{1,10})?(?::(\d{1,10}))?$/.exec(text)
  const uid = match?.[1] === undefined ? undefined : Number(match[1])
  const gid = match?.[2] === undefined ? undefined : Number(match[2])
  if ((uid === undefined && gid === undefined) || (uid ?? 0) > 0xffff_fffe || (gid ?? 0) > 0xffff_fffe)
    throw new AcsError('usage', 'EACSOWNER', `"${printable(text)}" is not an owner`, {
      hints: ['An owner is UID:GID in numbers, for example 999:999 (see: id NAME)'],
    })
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) }
}

/** An octal mode such as 0755. Throws EACSMODE (usage). */
export function checkMode(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (!/^[0-7]{3,4}$/.test(text))
    throw new AcsError('usage', 'EACSMODE', `"${printable(text)}" is not a mode`, {
      hints: ['A mode is octal, for example 0755 or 700'],
    })
  return text
}

function badOptions(of: string, text: string, why: string): AcsError {
  return new AcsError('usage', 'EACSOPTIONS', `the ${of} options "${printable(text)}" cannot be used: ${why}`)
}
