/** The field, or none of it where there is nothing to say. */
export function optional(key: string, value: unknown): Record<string, unknown> {
  return value === undefined || value === null ? {} : { [key]: value }
}

/** Of memory, as v2 counts it. Rounded up: what was asked for is the least that is needed. */
export function inMebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 ** 2)
}
