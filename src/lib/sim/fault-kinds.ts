/** What can go wrong on request. A file of its own: the command's help lists them without loading the simulator. */
export const faultKinds = [
  'delay',
  'status',
  'drop',
  'expire-session',
  'task-failure',
  'iscsi-drop',
  'disk-error',
  'disk-full',
] as const

export type FaultKind = (typeof faultKinds)[number]
