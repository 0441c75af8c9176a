import { printable } from '../../base/printable.js'
import type { CheckResult, Evidence } from './check.js'
import { shortened } from './exchange.js'
import type { CheckReport } from './run.js'

/** Colours a word; the terminal is another room's business. */
export type Paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string

const words = { pass: 'pass', fail: 'FAIL', warn: 'warn', skip: 'skip' } as const
const styles = { pass: 'green', fail: 'red', warn: 'yellow', skip: 'dim' } as const
const longestBody = 200

/** One result for people: a line, and for what failed the evidence and the reason. Of a plugin's words nothing drives the terminal. */
export function resultText(result: CheckResult, paint: Paint): string {
  const { id, title, status, message, ms } = result
  const head = `${paint(styles[status], words[status])}  ${id.padEnd(26)} ${title}`
  const took = ms >= 1000 ? paint('dim', `  ${(ms / 1000).toFixed(1)} s`) : ''
  const lines = [`${head}${took}`]
  if (status === 'pass' || status === 'skip') {
    if (message) lines.push(indented(paint('dim', printable(message))))
    return lines.join('\n')
  }
  lines.push(indented(paint('bold', printable(message ?? ''))))
  const decisive = result.evidence.find((exchange) => exchange.decisive)
  if (decisive) lines.push(...exchangeLines(decisive).map((line) => indented(paint('dim', line))))
  lines.push(indented(`Why: ${result.why}`), indented(paint('dim', `Source: ${result.source}`)))
  return lines.join('\n')
}

/** The last lines: how many of each, and what is left to do. */
export function summaryText(report: CheckReport, paint: Paint): string {
  const { pass, fail, warn, skip } = report.summary
  const counts = [
    `${pass} passed`,
    fail > 0 ? paint('red', `${fail} failed`) : '0 failed',
    warn > 0 ? paint('yellow', `${warn} warned`) : '0 warned',
    `${skip} skipped`,
  ].join(', ')
  const all = report.results.length
  return `${all} checks in ${(report.ms / 1000).toFixed(1)} s: ${counts}`
}

function exchangeLines({ call, method = 'POST', request, status, body, lost, ms }: Evidence): string[] {
  const answer = lost ?? `${status ?? ''} ${shortened(body, longestBody)}`
  return [
    `> ${method} /${call} ${printable(shortened(request, longestBody))}`.trimEnd(),
    `< ${printable(answer)}  (${Math.round(ms)} ms)`,
  ]
}

function indented(text: string): string {
  return `      ${text}`
}
