/**
 * Keeps the arguments of every process of this machine, as anybody can read them in /proc: `watch-process.ts FOLDER`.
 * Some commands of acs are over between two looks, but not each time. Ends with its stdin.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { appendEvidence, type Evidence } from './evidence.js'

const [, , folder = ''] = process.argv
const everyMs = 10
/** A process that was just forked shows its parent's arguments until it has become what it is to be. */
const youngLooks = 20
/** Some change what they show later on, and a pid comes back for another process. */
const oldEveryLooks = 100

interface Seen {
  text: string
  looks: number
}

let seen = new Map<string, Seen>()

function look(): void {
  const now = new Map<string, Seen>()
  const found: Evidence[] = []
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const before = seen.get(pid) ?? { text: '', looks: 0 }
    const looks = before.looks + 1
    const isDue = looks < youngLooks || looks % oldEveryLooks === 0
    const text = isDue ? argumentsOf(pid) : before.text
    if (text !== before.text && text !== '')
      found.push({ source: `arguments of ${pid}: ${text.split(' ', 1)[0] ?? ''}`, text })
    now.set(pid, { text, looks })
  }
  seen = now
  appendEvidence(folder, found)
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trimEnd()
  } catch {
    // It has ended.
    return ''
  }
}

process.stdin.resume().once('end', () => process.exit())
process.stdout.write('watching\n')
setInterval(look, everyMs)
