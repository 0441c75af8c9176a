import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BenchCluster } from '../cluster.js'

const script = join(import.meta.dirname, 'by-hand.sh')
const run = promisify(execFile)

/** by-hand.sh, set up for a cluster. Throws with what it said when it fails. */
export function byHand(cluster: BenchCluster): (...args: string[]) => Promise<string> {
  const { ACS_ENDPOINT: endpoint, ACS_USERNAME: user, ACS_PASSWORD_FILE: file, ACS_CA_FILE: ca } = cluster.env
  if (!endpoint || !user || !file || !ca) throw new Error('acs sim env left something out')
  const folder = join(cluster.folder, 'by-hand')
  mkdirSync(folder, { recursive: true })
  const { origin, hostname } = new URL(endpoint)
  const netrc = join(folder, 'netrc')
  const password = readFileSync(file, 'utf8').trim()
  writeFileSync(netrc, `machine ${hostname} login ${user} password ${password}\n`, { mode: 0o600 })
  const env = {
    ...cluster.env,
    PRISM: origin,
    CA: ca,
    NETRC: netrc,
    PORTAL: cluster.env.ACS_DATA_SERVICES,
    INITIATOR: 'iqn.2026-01.test:by-hand',
    FOLDER: folder,
  }
  return async (...args) => (await run(script, args, { env })).stdout.trim()
}
