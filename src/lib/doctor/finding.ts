import type { Deadline } from '../base/deadline.js'

/** What a check saw, and what to do about it. */
export interface Finding {
  /** Stable, for scripts; docs/doctor.md says what each means. */
  id: FindingId
  severity: Severity
  /** A volume, a path, a host: where several findings have one id. */
  about?: string
  /** One sentence. */
  title: string
  /** What was seen, each with where. */
  evidence: readonly string[]
  /** Commands, most likely first. */
  cure: readonly string[]
  fix?: Fix
}

/** `problem`: something does not or will not work. `warning`: worth acting on, nothing is broken. */
export type Severity = 'ok' | 'info' | 'warning' | 'problem'

/** A cure that acs may apply itself: it touches nothing but what is provably acs's, and looks again before it does. */
export interface Fix {
  /** What it does: `remove the stale socket /run/docker/plugins/nutanix.sock`. */
  words: string
  /** Throws when it could not; returns what was done where that is more than the words. */
  run(deadline: Deadline): Promise<readonly string[] | undefined>
}

export const sections = {
  machine: 'This machine',
  iscsi: 'iSCSI',
  cluster: 'The cluster',
  containers: 'Docker and Podman',
  files: 'Files',
  drift: 'Leftovers and drift',
} as const

export type Section = keyof typeof sections

/** Every finding there is and the section it is shown in. Its title says the rest. */
export const findingSections = {
  node: 'machine',
  root: 'machine',
  tools: 'machine',
  'tool-missing': 'machine',
  initiator: 'iscsi',
  'initiator-kernel': 'iscsi',
  'initiator-userspace': 'iscsi',
  iscsid: 'iscsi',
  'initiator-name': 'iscsi',
  'initiator-name-shared': 'iscsi',
  'node-startup': 'iscsi',
  'replacement-timeout': 'iscsi',
  multipath: 'iscsi',
  connection: 'cluster',
  'prism-port': 'cluster',
  prism: 'cluster',
  'data-services': 'cluster',
  'iscsi-port': 'cluster',
  'redirect-port': 'cluster',
  time: 'cluster',
  docker: 'containers',
  'live-restore': 'containers',
  'plugin-socket': 'containers',
  'stale-socket': 'containers',
  'plugin-unit': 'containers',
  podman: 'containers',
  'state-folder': 'files',
  'secret-file': 'files',
  'config-file': 'files',
  outage: 'drift',
  leftover: 'drift',
  'dead-mount': 'drift',
  'stray-mount': 'drift',
  'lost-volume': 'drift',
  'foreign-disk': 'drift',
  session: 'drift',
  'node-record': 'drift',
  unfinished: 'drift',
  'idle-hold': 'drift',
  'earlier-boot': 'drift',
  reference: 'drift',
  'forgotten-record': 'drift',
  'half-made-copy': 'drift',
  drift: 'drift',
} as const satisfies Record<string, Section>

export type FindingId = keyof typeof findingSections

/** A finding with nothing but its title and what was seen. */
export function ok(id: FindingId, title: string, evidence: readonly string[] = []): Finding {
  return { id, severity: 'ok', title, evidence, cure: [] }
}
