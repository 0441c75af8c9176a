/** A list of v0.8 that shows all there is (specified; which fields of the metadata are there is assumed). */
export function oldCollection(entities: readonly object[]): object {
  const total = entities.length
  return { metadata: { grandTotalEntities: total, totalEntities: total, count: total }, entities }
}
