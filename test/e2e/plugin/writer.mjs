// Appends numbered, checksummed blocks to a file, each fsynced before its number is told on stdout.
// node writer.mjs FILE FIRST. Ends with `error CODE` on stdout at the first error; ends well on SIGTERM.
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [file, first] = process.argv.slice(2)
let stopping = false
process.on('SIGTERM', () => (stopping = true))

try {
  const descriptor = openSync(file, 'a')
  for (let number = Number(first); !stopping; number += 1) {
    const block = randomBytes(512)
    block.writeUInt32BE(number, 0)
    createHash('sha256').update(block.subarray(0, 480)).digest().copy(block, 480)
    writeSync(descriptor, block)
    fsyncSync(descriptor)
    process.stdout.write(`${number}\n`)
    await sleep(5)
  }
  closeSync(descriptor)
} catch (error) {
  process.stdout.write(`error ${error.code}\n`)
}
