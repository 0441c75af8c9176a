/**
 * `Promise.all` that leaves nothing running: it waits for all, also when one has failed, and then throws the first
 * failure in the order given.
 */
export async function together<T extends readonly unknown[]>(
  works: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<{ -readonly [K in keyof T]: Awaited<Promise<T[K]>> }> {
  await Promise.allSettled(works as readonly Promise<unknown>[])
  return Promise.all(works as { [K in keyof T]: Promise<T[K]> })
}
