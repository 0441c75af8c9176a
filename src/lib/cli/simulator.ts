import { Flags } from '@oclif/core'
import { textOf, type Columns } from './output/columns.js'

/** Every `acs sim` command spreads these. */
export const simulatorFlags = {
  data: Flags.string({
    summary: "Folder of the simulator's state (~/.local/share/acs/sim; for root /var/lib/acs/sim).",
    helpValue: 'DIR',
    env: 'ACS_SIM_DATA',
  }),
}

interface Running {
  pid: number
  endpoint?: string
  dataServices?: string
  username?: string
  passwordFile?: string
  certificateFile?: string
  fingerprint?: string
  startedAt?: string
}

/** How a running simulator is shown. */
export const runningColumns: Columns<Running> = [
  { key: 'endpoint', header: 'Endpoint', value: (row) => row.endpoint ?? null },
  { key: 'dataServices', header: 'Data services', value: (row) => row.dataServices ?? null },
  { key: 'username', header: 'User', value: (row) => row.username ?? null },
  { key: 'passwordFile', header: 'Password file', value: (row) => row.passwordFile ?? null },
  { key: 'certificateFile', header: 'Certificate', value: (row) => row.certificateFile ?? null },
  { key: 'fingerprint', header: 'Fingerprint', value: (row) => row.fingerprint ?? null },
  { key: 'pid', header: 'Process', value: (row) => row.pid },
  { key: 'startedAt', header: 'Since', value: (row) => row.startedAt ?? null },
]

interface FaultRow {
  id: string
  kind: string
  match?: string
  count: number | null
  value?: number
  when?: string
  message?: string
  atPercent?: number
}

export const faultColumns: Columns<FaultRow> = [
  { key: 'id', header: 'ID', value: (fault) => fault.id },
  { key: 'kind', header: 'Kind', value: (fault) => fault.kind },
  { key: 'match', header: 'Match', value: (fault) => fault.match ?? '*' },
  {
    key: 'count',
    header: 'Left',
    value: (fault) => fault.count,
    format: (value) => (value === null ? 'until cleared' : textOf(value)),
  },
  { key: 'value', header: 'Value', value: (fault) => fault.value ?? null },
  { key: 'message', header: 'Message', value: (fault) => fault.message ?? null },
  { key: 'when', header: 'When', default: false, value: (fault) => fault.when ?? null },
  { key: 'atPercent', header: 'At %', default: false, value: (fault) => fault.atPercent ?? null },
]
