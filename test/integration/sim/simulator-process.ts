/** A simulator in a process of its own, to be killed: `node --import tsx simulator-process.ts FOLDER TASK_MS RECORD [OPTIONS]`. */
import type { SimulatorOptions } from '../../../src/lib/sim/simulator.js'
import { startSimulator } from '../../../src/lib/sim/start.js'

const [, , dataFolder = '', taskMs = '0', record, options = '{}'] = process.argv
const { endpoint, username, passwordFile, certificateFile } = await startSimulator({
  dataFolder,
  listen: '127.0.0.1:0',
  iscsi: '127.0.0.1:0',
  behaviour: { taskDurationMs: Number(taskMs) },
  record,
  ...(JSON.parse(options) as Partial<SimulatorOptions>),
})
process.stdout.write(`${JSON.stringify({ endpoint, username, passwordFile, certificateFile })}\n`)
