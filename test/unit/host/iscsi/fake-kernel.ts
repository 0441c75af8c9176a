import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { AcsError } from '../../../../src/lib/base/errors.js'
import type { Runner, RunResult } from '../../../../src/lib/host/host.js'
import type { Locks } from '../../../../src/lib/host/lock.js'
import type { HostRoots } from '../../../../src/lib/host/roots.js'

/** What open-iscsi 2.1.8 wrote on Debian 12 for `-o new` (shortened to the lines that matter). */
const capturedRecord = (targetName: string, host: string, port: string): string => `# BEGIN RECORD 2.1.8
node.name = ${targetName}
node.tpgt = -1
node.startup = manual
node.leading_login = No
iface.iscsi_ifacename = default
iface.transport_name = tcp
node.discovery_type = static
node.session.initial_login_retry_max = 4
node.session.auth.authmethod = None
node.session.timeo.replacement_timeout = 120
node.session.scan = auto
node.conn[0].address = ${host}
node.conn[0].port = ${port}
node.conn[0].startup = manual
node.conn[0].timeo.login_timeout = 30
# END RECORD
`

/** A LUN as the target has it. */
export interface FakeLun {
  serial: string
  sizeBytes: number
}

/**
 * open-iscsi and the kernel on a folder: iscsiadm makes node records and sessions, writes to `scan`, `rescan`,
 * `state` and `delete` do what the kernel's sources say. Made up; no kernel with iscsi_tcp was at hand.
 */
export class FakeKernel {
  readonly folder = mkdtempSync(join(tmpdir(), 'acs-kernel-'))
  readonly roots: HostRoots = {
    sysfs: join(this.folder, 'sys'),
    proc: join(this.folder, 'proc'),
    etc: join(this.folder, 'etc'),
    dev: join(this.folder, 'dev'),
  }
  /** What the target shows, by LUN. */
  luns = new Map<number, FakeLun>()
  /** Every command, as `tool arg arg`. */
  readonly ran: string[] = []
  /** Exit codes to answer instead, by the last argument of iscsiadm. */
  readonly failures = new Map<string, number[]>()
  private sessions = 0
  private disks = 0

  readonly locks: Locks = { within: (_path, _deadline, action) => action() }

  readonly runner: Runner = {
    run: (command, args, options) => {
      this.ran.push([command, ...args].join(' '))
      const result = this.run(command, args, options.input ?? '')
      if ((options.okExitCodes ?? [0]).includes(result.exitCode)) return Promise.resolve(result)
      return Promise.reject(
        new AcsError('failed', 'EACSCOMMAND', `${command} exited with ${result.exitCode}`, {
          details: { exitCode: result.exitCode, stderr: result.stderr },
        }),
      )
    },
  }

  constructor() {
    this.write('etc/iscsi/initiatorname.iscsi', 'InitiatorName=iqn.1993-08.org.debian:01:abcdef\n')
    this.write('proc/self/mountinfo', '27 1 254:0 / / rw - ext4 /dev/vda rw\n')
    this.link('proc/self/ns/mnt', 'mnt:[1]')
    mkdirSync(join(this.roots.sysfs, 'module', 'iscsi_tcp'), { recursive: true })
    mkdirSync(join(this.roots.sysfs, 'class', 'iscsi_session'), { recursive: true })
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  write(path: string, content: string | Buffer): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true })
    writeFileSync(join(this.folder, path), content)
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8')
  }

  /** What a new boot has: no session, no disk, nothing in /run. */
  boot(): void {
    for (const name of this.sessionNames())
      rmSync(join(this.roots.sysfs, 'class', 'iscsi_session', name), { recursive: true })
    rmSync(join(this.roots.sysfs, 'devices'), { recursive: true })
    rmSync(join(this.folder, 'run'), { recursive: true })
  }

  exists(path: string): boolean {
    return existsSync(join(this.folder, path))
  }

  sessionNames(): string[] {
    return readdirSync(join(this.roots.sysfs, 'class', 'iscsi_session'))
  }

  /** A session as after a login; the connection went to a CVM, the persistent address stays. */
  addSession(targetName: string, portal: string, state = 'LOGGED_IN'): string {
    this.sessions += 1
    const name = `session${this.sessions}`
    const [host, port] = portal.split(':')
    this.write(`sys/class/iscsi_session/${name}/targetname`, `${targetName}\n`)
    this.write(`sys/class/iscsi_session/${name}/state`, `${state}\n`)
    const device = join(this.roots.sysfs, 'devices', 'platform', `host${this.sessions}`, name)
    mkdirSync(device, { recursive: true })
    symlinkSync(device, join(this.roots.sysfs, 'class', 'iscsi_session', name, 'device'))
    const connection = `sys/class/iscsi_connection/connection${this.sessions}:0`
    this.write(`${connection}/persistent_address`, `${host ?? ''}\n`)
    this.write(`${connection}/persistent_port`, `${port ?? ''}\n`)
    this.write(`${connection}/address`, '10.0.0.77\n')
    this.write(`${connection}/port`, '3205\n')
    this.write(`sys/class/scsi_host/host${this.sessions}/scan`, '')
    return name
  }

  /** What the kernel knows of a LUN; not always what the target has. */
  addDevice(session: string, lun: number, disk: FakeLun): string {
    const host = session.slice('session'.length)
    const name = `sd${'bcdefghij'[this.disks] ?? 'z'}`
    this.disks += 1
    const folder = `sys/devices/platform/host${host}/${session}/target${host}:0:0/${host}:0:0:${lun}`
    for (const file of ['state', 'rescan', 'delete']) this.write(`${folder}/${file}`, '')
    mkdirSync(join(this.folder, folder, 'block', name), { recursive: true })
    this.write(`dev/${name}`, '')
    mkdirSync(join(this.roots.sysfs, 'class', 'block', name, 'holders'), { recursive: true })
    this.write(`sys/class/block/${name}/dev`, `8:${this.disks * 16}\n`)
    this.show(folder, name, disk)
    return name
  }

  private show(folder: string, name: string, disk: FakeLun): void {
    const page = Buffer.concat([Buffer.from([0, 0x80, 0, disk.serial.length]), Buffer.from(disk.serial)])
    this.write(`${folder}/vpd_pg80`, page)
    this.write(`sys/class/block/${name}/size`, `${disk.sizeBytes / 512}\n`)
  }

  private run(command: string, args: readonly string[], input: string): RunResult {
    if (command === 'iscsiadm') return this.iscsiadm(args)
    if (command === 'multipath' && args[0] === '-f') {
      for (const name of readdirSync(join(this.roots.sysfs, 'class', 'block')))
        rmSync(join(this.roots.sysfs, 'class', 'block', name, 'holders', this.mapName), {
          recursive: true,
          force: true,
        })
    }
    if (command === 'tee') return this.sysfsWrite(args[0] ?? '', input)
    return answer(0)
  }

  private iscsiadm(args: readonly string[]): RunResult {
    const verb = args.at(-1) ?? ''
    const failure = this.failures.get(verb)?.shift()
    if (failure !== undefined) return answer(failure, 'iscsiadm: it failed')
    if (verb === '--version') return answer(0)
    const targetName = args[args.indexOf('-T') + 1] ?? ''
    const portal = args[args.indexOf('-p') + 1] ?? ''
    const [host, port] = portal.split(':')
    const record = `etc/iscsi/nodes/${targetName}/${host ?? ''},${port ?? ''}`
    const session = this.sessionNames().find(
      (name) => this.read(`sys/class/iscsi_session/${name}/targetname`).trim() === targetName,
    )
    switch (verb) {
      case 'new':
        this.write(record, capturedRecord(targetName, host ?? '', port ?? ''))
        return answer(0)
      case 'delete':
        if (!this.exists(record)) return answer(21, 'iscsiadm: No records found')
        rmSync(dirname(join(this.folder, record)), { recursive: true })
        return answer(0)
      case '--login':
        if (!this.exists(record)) return answer(21, 'iscsiadm: No records found')
        if (session !== undefined) return answer(15, 'iscsiadm: initiator reported error (15 - session exists)')
        this.addSession(targetName, portal)
        return answer(0)
      case '--logout':
        if (session === undefined) return answer(21, 'iscsiadm: No matching sessions found')
        rmSync(join(this.roots.sysfs, 'class', 'iscsi_session', session), { recursive: true })
        return answer(0)
      default:
        return answer(7, 'iscsiadm: unknown')
    }
  }

  private sysfsWrite(path: string, value: string): RunResult {
    const scanned = /scsi_host\/host(\d+)\/scan$/.exec(path)
    if (scanned) {
      const lun = Number(/^0 0 (\d+)$/.exec(value.trim())?.[1])
      const disk = this.luns.get(lun)
      const session = `session${scanned[1] ?? ''}`
      const known = join(dirname(path), '..', '..', '..', 'devices', 'platform', `host${scanned[1] ?? ''}`, session)
      const there = existsSync(join(known, `target${scanned[1] ?? ''}:0:0`, `${scanned[1] ?? ''}:0:0:${lun}`))
      if (disk && !there) this.addDevice(session, lun, disk)
      return answer(0)
    }
    const folder = dirname(path)
    // As the kernel has it: the name of a state counts with its line's end only.
    if (path.endsWith('/state') && !value.endsWith('\n')) return answer(1, `tee: '${path}': Invalid argument`)
    // Nor does it let anybody out of the state in which it gave a session up.
    if (path.endsWith('/state') && readFileSync(path, 'utf8').startsWith('transport-offline'))
      return answer(1, `tee: '${path}': Invalid argument`)
    const [name] = readdirSync(join(folder, 'block'))
    const disk = this.luns.get(Number(folder.split(':').at(-1)))
    if (path.endsWith('/delete')) {
      rmSync(folder, { recursive: true })
      rmSync(join(this.roots.sysfs, 'class', 'block', name ?? ''), { recursive: true })
      rmSync(join(this.roots.dev, name ?? ''))
      return answer(0)
    }
    if (path.endsWith('/rescan') && disk && this.rescanHeals)
      this.show(folder.slice(this.folder.length), name ?? '', disk)
    else writeFileSync(path, value)
    return answer(0)
  }

  /** A multipath map over a disk. */
  readonly mapName = 'dm-3'

  addMap(disk: string, sizeBytes: number): void {
    mkdirSync(join(this.roots.sysfs, 'class', 'block', disk, 'holders', this.mapName), { recursive: true })
    const folder = `sys/class/block/${this.mapName}`
    this.write(`${folder}/dm/uuid`, 'mpath-36506b8d')
    this.write(`${folder}/dm/name`, 'mpatha')
    this.write(`${folder}/size`, `${sizeBytes / 512}`)
    this.write(`${folder}/dev`, '252:3')
    this.write(`dev/${this.mapName}`, '')
  }

  /** Whether `rescan` reads VPD pages again; old kernels do not. */
  rescanHeals = true

  private link(path: string, to: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true })
    symlinkSync(to, join(this.folder, path))
  }
}

function answer(exitCode: number, stderr = ''): RunResult {
  return { exitCode, stdout: '', stderr }
}
