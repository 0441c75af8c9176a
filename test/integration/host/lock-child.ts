import { appendFile } from 'node:fs/promises'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createLocks } from '../../../src/lib/host/lock.js'

/** Holds a lock, says so in a file, and ends or waits to be killed: `lock-child.ts LOCK LOG rounds|hold`. */
const [lock, log, mode] = process.argv.slice(2)
if (lock === undefined || log === undefined) throw new Error('usage')
const locks = createLocks()
for (let round = 0; round < (mode === 'hold' ? 1 : 10); round += 1) {
  await locks.within(lock, deadlineIn(30_000), async () => {
    await appendFile(log, `+${process.pid}\n`)
    await new Promise((resolve) => setTimeout(resolve, mode === 'hold' ? 60_000 : 5))
    await appendFile(log, `-${process.pid}\n`)
  })
}
