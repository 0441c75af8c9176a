import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { AcsError } from '../../../src/lib/base/errors.js'
import type { ClusterAccess, DoctorContext } from '../../../src/lib/doctor/context.js'
import type { Finding, FindingId } from '../../../src/lib/doctor/finding.js'
import type { Initiator, RunResult, Runner } from '../../../src/lib/host/host.js'
import { temporaryFolder } from '../volume/fake-context.js'
import { fakeHost, type Disks, type FakeHost } from '../volume/fake-host.js'
import { fakePrism, type FakePrism } from '../volume/fake-prism.js'

export interface Patient {
  context: DoctorContext
  host: FakeHost
  prism: FakePrism
  disks: Disks
  access: ClusterAccess
  initiator: Initiator
  folder: string
  /** What commands answer, by their name; others are missing. */
  answers: Map<string, Partial<RunResult>>
  /** Every command that ran. */
  ran: string[]
  write: (path: string, text: string, mode?: number) => string
}

export const bootId = 'boot-of-host1'

/** A machine in memory with folders of its own, on a cluster in memory. */
export async function patient(): Promise<Patient> {
  const folder = await temporaryFolder()
  const disks: Disks = new Map()
  const host = fakeHost('host1', disks, bootId)
  const prism = fakePrism()
  const answers = new Map<string, Partial<RunResult>>()
  const ran: string[] = []
  const runner: Runner = {
    run: (command, args) => {
      ran.push([command, ...args].join(' '))
      const answer = answers.get(command)
      if (!answer) throw new AcsError('precondition', 'EACSTOOLMISSING', `${command} is not installed`)
      return Promise.resolve({ exitCode: 0, stdout: '', stderr: '', ...answer })
    },
  }
  const write = (path: string, text: string, mode = 0o600): string => {
    const full = join(folder, path)
    mkdirSync(dirname(full), { recursive: true, mode: 0o700 })
    writeFileSync(full, text, { mode })
    return full
  }
  write('proc/net/unix', 'Num       RefCount Protocol Flags    Type St Inode Path\n')
  write('state/initiatorname', `${host.initiatorName}\n`)
  const initiator = await host.initiator('auto', deadlineIn(1_000))
  const access: ClusterAccess = {
    prism,
    authority: '127.0.0.1:1',
    host: '127.0.0.1',
    port: 1,
    otherClusters: [],
    clock: () => Promise.resolve(new Date()),
  }
  const context: DoctorContext = {
    host,
    initiators: [initiator],
    runner,
    roots: {
      sysfs: join(folder, 'sys'),
      proc: join(folder, 'proc'),
      etc: join(folder, 'etc'),
      dev: join(folder, 'dev'),
    },
    stateFolder: join(folder, 'state'),
    runtimeFolder: join(folder, 'run'),
    mountFolder: '/mnt/acs',
    pluginFolder: join(folder, 'plugins'),
    dockerSocket: join(folder, 'docker.sock'),
    unitFolders: [join(folder, 'units')],
    containersConfs: [join(folder, 'containers.conf')],
    containersConfFolder: join(folder, 'containers.conf.d'),
    env: { ACS_CONFIG: join(folder, 'config.yaml') },
    cluster: () => Promise.resolve(access),
    deadline: deadlineIn(60_000),
  }
  return { context, host, prism, disks, access, initiator, folder, answers, ran, write }
}

/** The findings of that id, those that are well left out. */
export function ill(findings: readonly Finding[], id: FindingId): Finding[] {
  return findings.filter((finding) => finding.id === id && finding.severity !== 'ok')
}

/** The one finding of that id. */
export function only(findings: readonly Finding[], id: FindingId): Finding {
  const found = findings.filter((finding) => finding.id === id)
  const [first] = found
  if (!first || found.length > 1) throw new Error(`${found.length} findings "${id}"`)
  return first
}
