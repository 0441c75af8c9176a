import { redactText } from '../../base/redact.js'
import type { Evidence } from './check.js'
import { shortened, type Exchange } from './exchange.js'

const most = 12
const longestText = 2_000

/** The last exchanges of a check, and the one that decided, as a report may carry them. */
export function evidenceOf(exchanges: readonly Exchange[], decisive?: Exchange): Evidence[] {
  const last = exchanges.slice(-most)
  // Seen by an earlier check that shared its work with this one, or long ago.
  if (decisive && !last.includes(decisive)) last.unshift(decisive)
  return last.map((exchange) => ({
    call: exchange.call,
    ...(exchange.method === 'POST' ? {} : { method: exchange.method }),
    request: shortened(redactText(exchange.request.trim()), longestText),
    status: exchange.status,
    body: shortened(redactText(exchange.body.trim()), longestText),
    ...(exchange.lost ? { lost: exchange.lost.text } : {}),
    ms: exchange.ms,
    ...(exchange === decisive ? { decisive: true as const } : {}),
  }))
}
