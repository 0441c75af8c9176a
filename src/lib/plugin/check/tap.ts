import type { CheckResult } from './check.js'

/** The first lines of a TAP stream of `count` checks (testanything.org): version 13, as prove 3.44 takes no later one. */
export function tapHead(count: number): string {
  return `TAP version 13\n1..${count}`
}

/**
 * One test point. A failed "should" is marked as TODO, which harnesses count as no failure; a skipped check is SKIP. What
 * failed has its evidence in a YAML block.
 */
export function tapPoint(result: CheckResult, number: number): string {
  const { id, title, status, message } = result
  const ok = status === 'pass' || status === 'skip' ? 'ok' : 'not ok'
  const head = `${ok} ${number} - ${escaped(`${id}: ${title}`)}`
  if (status === 'skip') return `${head} # SKIP ${escaped(message ?? '')}`
  if (status === 'pass') return message ? `${head}\n${yamlBlock({ message })}` : head
  const diagnostics = { ...details(result), evidence: result.evidence.filter(({ decisive }) => decisive) }
  return `${head}${status === 'warn' ? ' # TODO recommended, not required' : ''}\n${yamlBlock(diagnostics)}`
}

/** Ends a stream whose checks were not all run. */
export function tapBailOut(why: string): string {
  return `Bail out! ${oneLine(why)}`
}

function details({ message, severity, why, source, ms }: CheckResult): Record<string, unknown> {
  return { message: message ?? '', severity, why, source, ms }
}

/** JSON is YAML: a value a line needs no writer of its own, and no text can end the block. */
function yamlBlock(fields: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(fields).map(([key, value]) => `  ${key}: ${unicodeEscaped(JSON.stringify(value))}`)
  return ['  ---', ...lines, '  ...'].join('\n')
}

/** `#` begins a directive. */
function escaped(text: string): string {
  return oneLine(text).replace(/[\\#]/g, '\\$&')
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
}

/** What JSON leaves as it is, and a terminal or YAML does not. */
function unicodeEscaped(json: string): string {
  return json.replace(/[\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
