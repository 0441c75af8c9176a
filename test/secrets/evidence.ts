import { appendFileSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { evidenceFolder } from './secrets.js'

/** Something a run has left to see, as one line of a file of the evidence folder. */
export interface Evidence {
  /** What it is: `stdout of ...`, `arguments of ...`, a path. */
  source: string
  text: string
  /** For a file that may hold secrets: who may read it. Its text is not kept. */
  mode?: number
}

/** Keeps a text to be searched for secrets when the run is over. */
export function keepText(source: string, text: string): void {
  const folder = evidenceFolder()
  if (folder === undefined || text === '') return
  appendEvidence(folder, [{ source, text }])
}

export function appendEvidence(folder: string, entries: readonly Evidence[]): void {
  if (entries.length === 0) return
  // One file a process: a line longer than a pipe's buffer is not appended in one piece.
  const file = join(folder, `evidence-${process.pid}.jsonl`)
  appendFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: 0o600 })
}

export function* evidenceOf(folder: string): Generator<Evidence> {
  for (const name of readdirSync(folder).filter((each) => each.startsWith('evidence-')))
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n'))
      if (line !== '') yield JSON.parse(line) as Evidence
}

/**
 * The only files in which acs, or a simulated cluster, may keep a secret, all for their owner alone (docs/secrets.md). The
 * cluster's own are its password, its key, and its store, which knows the CHAP secrets of its volume groups.
 */
const mayHoldSecrets = [
  /\/chap\/[0-9a-f-]{36}$/,
  /\/peer\/identity\.pem$/,
  /\/disks\/[0-9a-f]{16}\/secret$/,
  /\/credentials\/[^/]+$/,
  /\/etc\/acs\/password$/,
  /\/sim\/(?:password|key\.pem|snapshot\.json|journal-\d+\.log)$/,
]

/** Data of volumes and of simulated disks, images, and what engines keep for themselves. */
const skipped = /\/(?:mnt|sim\/disks|disks\/[0-9a-f]{16}\/export|rootfs|rootfs\.tar|data|exec|storage|[^/]+\.img)$/
const largestBytes = 32 * 1024 ** 2

/** Keeps the files of a folder that is about to be removed: state, journals, configurations, logs. */
export function keepFiles(path: string): void {
  const folder = evidenceFolder()
  // One by one: all of them together may be more than memory has room for.
  if (folder !== undefined) for (const each of filesBelow(path)) appendEvidence(folder, [each])
}

function* filesBelow(path: string): Generator<Evidence> {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name)
    if (skipped.test(inner)) continue
    if (entry.isDirectory()) yield* filesBelow(inner)
    if (!entry.isFile()) continue
    const { mode, size } = statSync(inner)
    if (mayHoldSecrets.some((pattern) => pattern.test(inner))) yield { source: inner, text: '', mode: mode & 0o777 }
    else if (size > largestBytes) throw new Error(`${inner} is too large to be searched for secrets: ${size} bytes`)
    // A hole of a sparse file reads as NULs, six characters each in JSON.
    else yield { source: inner, text: readFileSync(inner, 'utf8').replaceAll(/\0+/g, '\0') }
  }
}
