import { createHash } from 'node:crypto'
import type { Host } from './host.js'

/**
 * A container that appends numbered, checksummed lines to a file on its volume, each synced before its number is told. What
 * arrived here is acknowledged, whatever becomes of the host.
 */
export interface Writer {
  /** The last number acknowledged; 0: none. */
  acknowledged(): number
  /** Resolves when the container's output has ended, with what it said of an error. */
  ended: Promise<string>
  stop(): void
}

/** A shell's loop: one line of the file is its number, and the checksum of the number. Without single quotes. */
export const writerLoop = `
i=0
[ ! -f /data/log ] || i=$(wc -l < /data/log)
while :; do
  i=$((i + 1))
  sum=$(echo $i | sha256sum | cut -c 1-64)
  why=$(echo "$i $sum" | dd of=/data/log oflag=append conv=notrunc,fsync 2>&1) || { echo "error $why"; exit 1; }
  echo $i
done`

export function startWriter(host: Host, volume: string, name: string, options = ''): Writer {
  let last = 0
  let why = ''
  const script = `docker run --name ${name} ${options} -v ${volume}:/data busybox sh -c '${writerLoop}'`
  const { ended, stop } = host.follow(script, (line) => {
    if (/^\d+$/.test(line)) last = Number(line)
    else why += `${line}\n`
  })
  return { acknowledged: () => last, ended: ended.then(() => why), stop }
}

/**
 * Starts a container on the volume and reads the file in it: how many whole lines there are. Throws where one is damaged,
 * missing, or there twice; the last may be torn, as its writer was.
 */
export async function wholeLines(host: Host, volume: string): Promise<number> {
  const text = await host.run(`docker run --rm -v ${volume}:/data busybox cat /data/log`, { timeoutMs: 300_000 })
  const lines = text.split('\n')
  // What stands behind the last line's end.
  lines.pop()
  for (const [at, line] of lines.entries())
    if (line !== lineOf(at + 1)) throw new Error(`line ${at + 1} of ${lines.length} is damaged: ${line}`)
  return lines.length
}

function lineOf(number: number): string {
  return `${number} ${createHash('sha256').update(`${number}\n`).digest('hex')}`
}
