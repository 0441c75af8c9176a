import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createHostMachine } from '../../../src/lib/host/machine.js'

/** A process that dies at a named step: `crash-child.ts attach|detach CHECKPOINT RUNTIME STATE DISK-JSON`. */
const [action, checkpoint, runtimeFolder, stateFolder, disk] = process.argv.slice(2)
if (runtimeFolder === undefined || stateFolder === undefined || disk === undefined) throw new Error('usage')
const machine = createHostMachine({
  runtimeFolder,
  stateFolder,
  checkpoint: (name) => {
    if (name === checkpoint) process.kill(process.pid, 'SIGKILL')
  },
})
const deadline = deadlineIn(60_000)
const initiator = await machine.initiator('userspace', deadline)
await initiator[action === 'attach' ? 'attach' : 'detach'](JSON.parse(disk) as never, deadline)
process.exit(7)
