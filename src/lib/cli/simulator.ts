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

const runningFields = [
  ['endpoint', 'Endpoint'],
  ['dataServices', 'Data services'],
  ['username', 'User'],
  ['passwordFile', 'Password file'],
  ['certificateFile', 'Certificate'],
  ['fingerprint', 'Fingerprint'],
  ['pid', 'Process'],
  ['startedAt', 'Since'],
] as const

/** What is shown of a running simulator; what it is, the simulator says, which this room does not know. */
type Running = Readonly<Partial<Record<(typeof runningFields)[number][0], string | number>>>

/** How a running simulator is shown. */
export const runningColumns: Columns<Running> = runningFields.map(([key, header]) => ({
  key,
  header,
  value: (row) => row[key] ?? null,
}))

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
