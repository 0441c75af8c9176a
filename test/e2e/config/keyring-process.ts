/** One keyring operation in a process of its own: `store|read|remove ACCOUNT`, the password on stdin. Prints JSON. */
import { readFileSync } from 'node:fs'
import { isAcsError } from '../../../src/lib/base/errors.js'
import { systemKeyring } from '../../../src/lib/config/keyring.js'

const [operation, account = ''] = process.argv.slice(2)

async function run(): Promise<unknown> {
  if (operation === 'store') return systemKeyring.store(account, readFileSync(0, 'utf8').trim())
  if (operation === 'read') return systemKeyring.read(account)
  return systemKeyring.remove(account)
}

try {
  console.log(JSON.stringify({ result: (await run()) ?? null, pid: process.pid }))
} catch (error) {
  if (!isAcsError(error)) throw error
  const { kind, code, message, hints } = error
  console.log(JSON.stringify({ error: { kind, code, message, hints } }))
}
