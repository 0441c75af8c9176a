import type * as v from 'valibot'
import type { Deadline } from '../../base/deadline.js'
import type { PrismHttp } from '../http.js'
import { collectionSchema, understand, understandEach } from './schema.js'

/**
 * All entities of a collection. Metadata is odd (recorded): volume groups answer `total_entities: 0` beside 19
 * entities and know no pages; other resources count pages from 1. So the entities are counted, further
 * pages are asked for only where the answer names a page, and an empty or repeated page ends it.
 */
export async function listAll<Schema extends v.GenericSchema>(
  http: PrismHttp,
  schema: Schema,
  path: string,
  options: { query?: Readonly<Record<string, string | number | boolean>>; deadline?: Deadline; doing: string },
): Promise<v.InferOutput<Schema>[]> {
  const { query, deadline, doing } = options
  const all: unknown[] = []
  for (let page = 1; ; page += 1) {
    const pageSize = all.length / (page - 1)
    const { body } = await http.request({
      method: 'GET',
      path,
      query: page === 1 ? query : { ...query, page, count: pageSize },
      deadline,
      doing,
    })
    const { entities, metadata } = understand(collectionSchema, body, doing)
    all.push(...(entities ?? []))
    const more = (metadata?.grand_total_entities ?? 0) > all.length
    // With `count` given, a page number that does not follow means that the server ignores pages.
    if (!more || entities?.length === 0 || metadata?.page !== page) break
  }
  return understandEach(schema, all)
}

/**
 * All entities of a collection that knows `offset` and `length` instead of pages (v2 `GET /vms/`). It is recorded to
 * answer with all at once; so further ones are asked for only where it has told of more than it gave, and an answer
 * without new ones ends it.
 */
export async function listAllByOffset<Schema extends v.GenericSchema<unknown, { uuid: string }>>(
  http: PrismHttp,
  schema: Schema,
  path: string,
  options: { query?: Readonly<Record<string, string | number | boolean>>; deadline?: Deadline; doing: string },
): Promise<v.InferOutput<Schema>[]> {
  const { query, deadline, doing } = options
  const all = new Map<string, v.InferOutput<Schema>>()
  let length = 0
  for (let offset = 0; ;) {
    const further = offset === 0 ? {} : { offset, length }
    const { body } = await http.request({ method: 'GET', path, query: { ...query, ...further }, deadline, doing })
    const { entities, metadata } = understand(collectionSchema, body, doing)
    const known = all.size
    for (const entity of understandEach(schema, entities ?? [])) all.set(entity.uuid, entity)
    length ||= entities?.length ?? 0
    offset += entities?.length ?? 0
    if (offset >= (metadata?.grand_total_entities ?? 0) || all.size === known) break
  }
  return [...all.values()]
}
