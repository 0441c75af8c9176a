import { queryInteger } from '../routes.js'

type Dto = Readonly<Record<string, unknown>>

/**
 * Machines are listed otherwise than containers: `filter` (`;` for AND, `,` for OR; specified), `sort_attribute`,
 * `sort_order`, then `offset` and `length`. The metadata is recorded for a list that shows all. What a condition looks
 * like, and that AND binds weaker than OR, is assumed.
 */
export function vmPage(all: readonly Dto[], query: URLSearchParams): object {
  const filter = query.get('filter') ?? ''
  const found = all.filter((vm) =>
    filter.split(';').every((either) => either.split(',').some((condition) => holds(vm, condition))),
  )
  const key = query.get('sort_attribute') ?? ''
  if (key !== '') {
    const direction = (query.get('sort_order') ?? '').toLowerCase().startsWith('desc') ? -1 : 1
    found.sort((a, b) => direction * compare(valueOf(a, key), valueOf(b, key)))
  }
  const offset = Math.max(0, queryInteger(query, 'offset') ?? 0)
  const length = Math.max(0, queryInteger(query, 'length') ?? found.length)
  const entities = found.slice(offset, offset + length)
  return {
    metadata: {
      grand_total_entities: all.length,
      total_entities: found.length,
      count: entities.length,
      start_index: offset,
      end_index: offset + entities.length,
    },
    entities,
  }
}

function holds(vm: Dto, condition: string): boolean {
  if (condition.trim() === '') return true
  const [, name = '', operator, value] = /^\s*(\w+)\s*(==|!=)\s*(.*?)\s*$/.exec(condition) ?? []
  const isEqual = String(valueOf(vm, name)).toLowerCase() === (value ?? '').toLowerCase()
  return operator === '==' ? isEqual : operator === '!=' && !isEqual
}

/** `vm_name` and `vm_uuid` are v1's words for the same. */
function valueOf(vm: Dto, name: string): unknown {
  return vm[name] ?? vm[name.replace(/^vm_/, '')]
}

function compare(a: unknown, b: unknown): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b))
}
