import { isRecord } from '../base/record.js'
import type { PrismReason } from './errors.js'

/** A complete answer of the server. `headers` keys are lower case. */
export interface Answer {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  setCookies: readonly string[]
  text: string
}

/**
 * Prism's own words in an error answer: `message`, else the first line of `detailed_message` without its
 * Java class; for an empty or foreign body, what the status says. Shape recorded on AOS 6.
 */
export function reasonOf(answer: Answer): PrismReason {
  const body = jsonOf(answer.text)
  if (isRecord(body)) {
    const code = isRecord(body.error_code) ? body.error_code.code : undefined
    const text = firstText(body.message) ?? withoutJava(firstText(body.detailed_message)) ?? v3Message(body)
    if (text !== undefined)
      return { message: text, ...(typeof code === 'number' && code !== 0 ? { errorCode: code } : {}) }
  }
  if (/^\s*</.test(answer.text))
    return { message: `it answered HTTP ${answer.status} with a page, not with Prism's JSON` }
  return { message: `HTTP ${answer.status} without an explanation` }
}

/** The parsed body, `undefined` when it is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export { isRecord }

function firstText(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? firstLine(value) : undefined
}

function firstLine(text: string): string {
  return text.trim().split(/\r?\n/, 1)[0]?.slice(0, 500) ?? ''
}

function withoutJava(line: string | undefined): string | undefined {
  return line?.replace(/^(?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)?:\s*/, '')
}

/** The v3 shape, which the same server sends where v3 code refuses (recorded: `message_list`). */
function v3Message(body: Record<string, unknown>): string | undefined {
  const list = body.message_list
  const first: unknown = Array.isArray(list) ? list[0] : undefined
  return isRecord(first) ? firstText(first.message) : undefined
}
