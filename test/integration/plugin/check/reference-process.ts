/** The reference plugin in a process of its own: `node --import tsx reference-process.ts SOCKET FOLDER [FAULT]`. */
import { isFault } from './faults.js'
import { createReferencePlugin } from './reference-plugin.js'

const [, , socketPath = '', folder = '', fault] = process.argv
const plugin = createReferencePlugin({ socketPath, folder, ...(isFault(fault) ? { fault } : {}) })
await plugin.start()
process.stdout.write('listening\n')
process.once('SIGTERM', () => void plugin.stop().then(() => process.exit()))
