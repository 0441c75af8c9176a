/** A simulator in a process of its own, to be killed: `node --import tsx simulator-process.ts FOLDER TASK_MS RECORD`. */
import { startSimulator } from '../../../src/lib/sim/start.js'

const [, , dataFolder = '', taskMs = '0', record] = process.argv
const { endpoint, username, passwordFile, certificateFile } = await startSimulator({
  dataFolder,
  listen: '127.0.0.1:0',
  iscsi: '127.0.0.1:0',
  behaviour: { taskDurationMs: Number(taskMs) },
  record,
})
process.stdout.write(`${JSON.stringify({ endpoint, username, passwordFile, certificateFile })}\n`)
