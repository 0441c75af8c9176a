import { AcsError } from '../base/errors.js'

/** Assumed: v2 documents no limit, cloud-init's other data sources have 16 to 64 KiB, and the ISO it goes into is small. */
export const mostUserDataBytes = 32 * 1024

export type UserDataKind = 'cloud-config' | 'script' | 'include' | 'jinja' | 'mime'

/** How each begins, as cloud-init itself tells them apart by the first line ("User-data formats" of its manual). */
const beginnings: readonly (readonly [UserDataKind, RegExp])[] = [
  ['cloud-config', /^#cloud-config[ \t]*(?:\r?\n|$)/],
  ['script', /^#![ \t]*\S/],
  ['include', /^#include(?:-once)?[ \t]*(?:\r?\n|$)/],
  ['jinja', /^##[ \t]*template:[ \t]*jinja[ \t]*(?:\r?\n|$)/i],
  ['mime', /^(?:content-type|mime-version):/i],
]

/**
 * Checks user data for cloud-init before a machine is made with it, which would boot and silently ignore it, and tells what
 * it is. A `#cloud-config` must be YAML with settings by name. Throws EACSUSERDATA (usage) with line and column; errors
 * quote nothing of the text, as it may hold passwords.
 */
export async function checkUserData(text: string): Promise<UserDataKind> {
  const size = Buffer.byteLength(text)
  if (size > mostUserDataBytes) throw unusable(`it has ${size} bytes, at most ${mostUserDataBytes} fit`)
  if (text.trim() === '') throw unusable('it is empty')
  if (text.startsWith('\uFEFF'))
    throw unusable('it begins with a byte order mark, behind which cloud-init sees nothing', at(1, 1))
  if (text.includes('\0')) throw unusable('it is no text: it has a zero byte', positionOf(text, text.indexOf('\0')))
  const kind = beginnings.find(([, beginning]) => beginning.test(text))?.[0]
  if (kind === undefined) throw unusable('its first line does not say what it is', at(1, 1))
  if (kind === 'cloud-config') await checkYaml(text)
  return kind
}

async function checkYaml(text: string): Promise<void> {
  const { isMap, parseDocument } = await import('yaml')
  const document = parseDocument(text)
  const [error] = document.errors
  // The error itself quotes the lines around, and is not passed on.
  if (error) throw unusable(`it is not YAML: ${reasons[error.code] ?? 'syntax error'}`, positionOf(text, error.pos[0]))
  const { contents } = document
  if (contents === null) throw unusable('it has no settings')
  if (!isMap(contents))
    throw unusable('it is not settings by name (`packages: [...]`)', positionOf(text, contents.range[0]))
}

/** Of the library's codes those that people run into; its messages may quote the text. */
const reasons: Readonly<Record<string, string | undefined>> = {
  BAD_INDENT: 'wrong indentation',
  BLOCK_AS_IMPLICIT_KEY: 'a second ":" in one line; put the value in quotes',
  BLOCK_IN_FLOW: 'indented lines inside of brackets',
  DUPLICATE_KEY: 'a setting stands twice',
  MISSING_CHAR: 'a character is missing, as a closing quote or bracket',
  MULTIPLE_DOCS: 'a second "---"',
  TAB_AS_INDENT: 'a tab as indentation; YAML takes blanks only',
  UNEXPECTED_TOKEN: 'something that does not belong there',
  BAD_DQ_ESCAPE: 'a backslash that means nothing in double quotes',
  BAD_ALIAS: 'an alias (*) of something that is not there; put the value in quotes',
}

interface Position {
  line: number
  column: number
}

function at(line: number, column: number): Position {
  return { line, column }
}

function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset)
  return at(before.split('\n').length, offset - before.lastIndexOf('\n'))
}

function unusable(why: string, position?: Position): AcsError {
  const where = position === undefined ? '' : ` (line ${position.line}, column ${position.column})`
  return new AcsError('usage', 'EACSUSERDATA', `cloud-init cannot use this user data: ${why}${where}`, {
    details: { ...position },
    hints: [
      'Begin it with #cloud-config, #! of a script, #include, ## template: jinja, or the headers of a MIME message',
      'Check it where cloud-init is: cloud-init schema --config-file FILE',
    ],
  })
}
