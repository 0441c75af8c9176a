import { queryInteger } from './routes.js'

/** How config resources are listed: `count` and 1-based `page`, a search string, a filter, a sort. */
export interface Page<T> {
  items: T[]
  /** Recorded for storage containers, disks and clusters. */
  metadata: Record<string, unknown>
}

const defaultCount = 1000

/**
 * @param names what `search_string` looks in.
 * @param field the value that `filter_criteria` (`name==x`, `;` between several) and `sort_criteria` (`name`, `-name`) ask for.
 */
export function pageOf<T>(
  all: readonly T[],
  query: URLSearchParams,
  names: (item: T) => string,
  field: (item: T, name: string) => unknown,
): Page<T> {
  const search = query.get('search_string') ?? query.get('searchString') ?? ''
  const filter = query.get('filter_criteria') ?? query.get('filterCriteria') ?? ''
  const sort = query.get('sort_criteria') ?? query.get('sortCriteria') ?? ''
  const conditions = filter.split(';').flatMap((text) => {
    const [, name, value] = /^\s*(\w+)\s*==\s*(.*?)\s*$/.exec(text) ?? []
    return name !== undefined && value !== undefined ? [{ name, value }] : []
  })
  const found = all.filter(
    (item) =>
      names(item).toLowerCase().includes(search.toLowerCase()) &&
      conditions.every(({ name, value }) => String(field(item, name)) === value),
  )
  const key = sort.replace(/^[+-]/, '')
  if (key !== '') {
    const direction = sort.startsWith('-') ? -1 : 1
    found.sort((a, b) => direction * compare(field(a, key), field(b, key)))
  }
  const count = Math.max(1, queryInteger(query, 'count') ?? defaultCount)
  const page = Math.max(1, queryInteger(query, 'page') ?? 1)
  const start = (page - 1) * count
  const items = found.slice(start, start + count)
  return {
    items,
    metadata: {
      grand_total_entities: all.length,
      total_entities: found.length,
      filter_criteria: filter,
      sort_criteria: sort,
      page,
      count: items.length,
      start_index: items.length === 0 ? 0 : start + 1,
      end_index: start + items.length,
      ...(search !== '' && { search_string: search }),
    },
  }
}

function compare(a: unknown, b: unknown): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b))
}
