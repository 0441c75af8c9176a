// Prism's UUIDs are not always RFC 4122: hex digits in 8-4-4-4-12 is all that holds (recorded).
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return uuid.test(text)
}
