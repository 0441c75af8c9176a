import { credentialText } from '../config/credential-store.js'
import type { Context } from '../config/schema.js'
import type { Columns } from './output/columns.js'

export interface ContextRow extends Context {
  name: string
  current: boolean
}

/** Columns of a context, for every command that shows one. */
export const contextColumns: Columns<ContextRow> = [
  { key: 'name', header: 'Name', value: ({ name }) => name },
  {
    key: 'current',
    header: 'Current',
    format: (value) => (value === true ? '*' : ''),
    value: ({ current }) => current,
  },
  { key: 'endpoint', header: 'Endpoint', value: ({ endpoint }) => endpoint },
  { key: 'username', header: 'User', value: ({ username }) => username ?? null },
  { key: 'trust', header: 'Trust', value: trustText },
  {
    key: 'credential',
    header: 'Password',
    value: ({ credential }) => (credential ? credentialText(credential) : null),
  },
  { key: 'dataServices', header: 'Data services', default: false, value: ({ dataServices }) => dataServices ?? null },
  { key: 'storageContainer', header: 'Container', default: false, value: (row) => row.storageContainer ?? null },
  { key: 'fingerprint', header: 'Fingerprint', default: false, value: ({ fingerprint }) => fingerprint ?? null },
  { key: 'caFile', header: 'CA file', default: false, value: ({ caFile }) => caFile ?? null },
]

function trustText({ fingerprint, caFile }: ContextRow): string {
  if (fingerprint !== undefined) return 'pinned'
  return caFile === undefined ? 'CAs of Node.js' : 'CA file'
}
