import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readProcFile, readProcLink } from './processes.js'

/**
 * Whether a process has an established TCP connection, from its open sockets and the kernel's table of its network
 * namespace. A peer that fell silent shows as established until the kernel gives up on it.
 */
export async function hasConnection(procRoot: string, pid: number): Promise<boolean> {
  const folder = join(procRoot, String(pid))
  const names = await readdir(join(folder, 'fd')).catch(() => [])
  const links = await Promise.all(names.map((name) => readProcLink(join(folder, 'fd', name))))
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link ?? '')?.[1] ?? []))
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readProcFile(join(folder, 'net', table))))
  return tables.some((table) => establishedInodes(table ?? '').some((inode) => own.has(inode)))
}

/** Socket inodes in state 01, established, of /proc/net/tcp or tcp6: proc_net_tcp(5), include/net/tcp_states.h. */
export function establishedInodes(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const [slot, , , state] = fields
    const inode = fields[9]
    return slot !== undefined && /^\d+:$/.test(slot) && state === '01' && inode !== undefined ? [inode] : []
  })
}
