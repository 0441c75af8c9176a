import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import type { Call, PluginLog } from '../../../src/lib/plugin/driver.js'
import type { VolumeGroup } from '../../../src/lib/prism/prism.js'
import { openHostVolumes, type HostVolumes } from '../../../src/lib/plugin/host-volumes.js'
import type { KnownVolume } from '../../../src/lib/plugin/known-volumes.js'
import { createKeyedLocks } from '../../../src/lib/plugin/locks.js'
import { createVolume } from '../../../src/lib/volume/create.js'
import { targetName } from '../../../src/lib/volume/target-name.js'
import type { VolumeContext } from '../../../src/lib/volume/context.js'
import { fakeContext, temporaryFolder, type FakeContext } from '../volume/fake-context.js'
import { fakeHost, type Disks } from '../volume/fake-host.js'
import { fakePrism, type FakePrism } from '../volume/fake-prism.js'

export interface LogLine {
  level: string
  message: string
  fields: Readonly<Record<string, unknown>>
}

export function recordingLog(lines: LogLine[] = []): PluginLog & { lines: LogLine[] } {
  const at =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void =>
      void lines.push({ level, fields, message })
  const log = {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  }
  return log
}

export function call(timeoutMs = 10_000, cancel?: AbortSignal): Call {
  return {
    requestId: 'test',
    deadline: deadlineIn(timeoutMs, cancel),
    log: recordingLog(),
    step: (_name, work) => work(),
  }
}

export interface Scene {
  prism: FakePrism
  disks: Disks
  context: FakeContext
  volume: KnownVolume
  volumes: HostVolumes
  log: ReturnType<typeof recordingLog>
  mountFolder: string
  /** As after the process died: what is in files and on the machine, nothing else. */
  reopen: (change?: { bootId?: string }) => Promise<HostVolumes>
  place: string
}

export interface SceneOptions {
  lingerMs?: number
  /** The mount folder is a link. */
  linked?: boolean
  learn?: (group: VolumeGroup) => void
  acquire?: (volume: KnownVolume, call: Call, use: () => Promise<void>) => Promise<void>
}

/** One volume, `db`, on a cluster in memory, and a plugin on a machine in memory. */
export async function scene(options: SceneOptions = {}): Promise<Scene> {
  const prism = fakePrism()
  const disks: Disks = new Map()
  const context = await fakeContext(prism, fakeHost('a', disks))
  const { uuid } = await createVolume(context, { name: 'db', sizeBytes: 2 ** 30 })
  const group = await prism.volumeGroup(uuid)
  const volume = { uuid, name: 'db', sizeBytes: 2 ** 30, target: targetName(group), filesystem: 'ext4', ours: true }
  let mountFolder = await temporaryFolder()
  if (options.linked) {
    const link = join(await temporaryFolder(), 'link')
    await symlink(mountFolder, link)
    mountFolder = link
  }
  const log = recordingLog()
  const open = async (): Promise<HostVolumes> => {
    const volumes = await openHostVolumes({
      stateFolder: context.stateFolder,
      mountFolder,
      lingerMs: () => options.lingerMs ?? 30,
      locks: createKeyedLocks(),
      log,
      context: ({ deadline }): VolumeContext => ({ ...context, deadline }),
      learn: (group) => options.learn?.(group),
      acquire: options.acquire ?? ((_volume, _call, use) => use()),
      retried: () => undefined,
    })
    onTestFinished(async () => {
      volumes.stop()
      // A detach at work would make the state folder again after the test.
      await volumes.letGoOfAll(deadlineIn(1000)).catch(() => undefined)
    })
    return volumes
  }
  const volumes = await open()
  return {
    prism,
    disks,
    context,
    volume,
    volumes,
    log,
    mountFolder,
    place: join(mountFolder, 'db'),
    reopen: async ({ bootId } = {}) => {
      volumes.stop()
      if (bootId !== undefined) context.host.identity = () => Promise.resolve({ hostName: 'a', bootId })
      return open()
    },
  }
}
