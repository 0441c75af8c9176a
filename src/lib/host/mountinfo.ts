import type { MountEntry } from './host.js'

/**
 * Entries of /proc/PID/mountinfo, in the kernel's order (later ones lie on top). Lines that do not
 * parse are left out. Format: proc_pid_mountinfo(5); the optional fields end at ` - `.
 */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const entry = parseLine(line)
    return entry ? [entry] : []
  })
}

/**
 * The same without echoes: mounts that are there only because they follow another one of the table (its slaves,
 * mount_namespaces(7)), and go with it. The managed plugin's volumes have one in Docker's own folder.
 */
export function parseMountinfoWithoutEchoes(text: string): MountEntry[] {
  const lines = text.split('\n')
  const shared = new Set(lines.flatMap((line) => peerGroup(line, 'shared') ?? []))
  return lines.flatMap((line) => {
    const master = peerGroup(line, 'master')
    if (master !== undefined && shared.has(master)) return []
    return parseLine(line) ?? []
  })
}

/** Number of the peer group in an optional field, `shared:7` or `master:7`. */
function peerGroup(line: string, tag: 'shared' | 'master'): string | undefined {
  const fields = line.split(' ')
  return fields
    .slice(6, fields.indexOf('-', 6))
    .find((field) => field.startsWith(`${tag}:`))
    ?.slice(tag.length + 1)
}

/** The mount that is seen at a path: the last one there. */
export function mountAt(entries: readonly MountEntry[], mountPoint: string): MountEntry | undefined {
  return entries.findLast((entry) => entry.mountPoint === mountPoint)
}

/** Mounts of a device by `major:minor`; btrfs shows an anonymous number, so its source path counts as well. */
export function mountsOfDevice(
  entries: readonly MountEntry[],
  device: { deviceNumber: string; devicePath?: string },
): MountEntry[] {
  return entries.filter(
    (entry) =>
      entry.deviceNumber === device.deviceNumber ||
      (device.devicePath !== undefined && entry.filesystem === 'btrfs' && entry.source === device.devicePath),
  )
}

/** Blank, tab, newline and backslash are written as three octal digits. */
export function unescapeMountField(field: string): string {
  if (!field.includes('\\')) return field
  // Bytes, not characters: the kernel escapes bytes, and a name may be UTF-8.
  const bytes: number[] = []
  const source = Buffer.from(field)
  for (let at = 0; at < source.length; at += 1) {
    const octal = /^\\([0-3][0-7]{2})/.exec(source.toString('latin1', at, at + 4))
    if (octal?.[1] === undefined) {
      bytes.push(source.readUInt8(at))
      continue
    }
    bytes.push(Number.parseInt(octal[1], 8))
    at += 3
  }
  return Buffer.from(bytes).toString()
}

function parseLine(line: string): MountEntry | undefined {
  const fields = line.split(' ')
  const separator = fields.indexOf('-', 6)
  if (separator < 0) return undefined
  const [, , deviceNumber, root, mountPoint, mountOptions] = fields
  const [filesystem, source, superOptions] = fields.slice(separator + 1)
  if (deviceNumber === undefined || root === undefined || mountPoint === undefined) return undefined
  if (!/^\d+:\d+$/.test(deviceNumber) || filesystem === undefined) return undefined
  return {
    mountPoint: unescapeMountField(mountPoint),
    deviceNumber,
    source: unescapeMountField(source ?? ''),
    filesystem,
    root: unescapeMountField(root),
    options: [...new Set([...splitOptions(mountOptions), ...splitOptions(superOptions)])],
  }
}

function splitOptions(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((option) => option !== '')
}
