/** The first thing that looks like a version in what a tool prints: `2.38.1`, `20.10.24+dfsg1`. */
export function versionIn(text: string): string | undefined {
  return /(?<![\w.])v?(\d+\.\d+[\w.+~-]*)/.exec(text)?.[1]?.replace(/[.,]$/, '')
}

/** Whether a dotted version is at least another; what follows the numbers does not count. */
export function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [numbers(version), numbers(least)]
  for (let at = 0; at < want.length; at += 1) {
    const difference = (have[at] ?? 0) - (want[at] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}

function numbers(version: string): number[] {
  return (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number)
}
