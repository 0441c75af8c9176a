/** What the machines of a simulator can be. A file of its own: the command's help lists them without loading the simulator. */
export const hypervisorKinds = ['records', 'qemu'] as const

export type HypervisorKind = (typeof hypervisorKinds)[number]
