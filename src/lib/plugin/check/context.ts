import { randomBytes } from 'node:crypto'
import { basename, dirname } from 'node:path'
import type { Deadline } from '../../base/deadline.js'
import { Complaint, Skipped } from './check.js'
import type { PluginClient } from './client.js'
import { kernelMount, readMarker, writeMarker } from './folder.js'
import { expectSuccess, mountedAt } from './judge.js'
import { reportedMountpoint, type Ledger } from './ledger.js'

/** Times a run works with, in ms. */
export interface Timing {
  /** How long a connection is left alone before it is used again. */
  idleMs: number
  /** Longest that a `List` or `Get` may take beside other work. */
  readMs: number
  /** How long a plugin may take to show that a volume is let go. */
  settleMs: number
  /** Longest from the end of the restart command, or a crash, to the first connection. */
  returnMs: number
  /** Pauses between the tries at removing what is left at the end: a call that was given up may still be at work. */
  pausesMs: readonly number[]
}

export const defaultTiming: Timing = {
  idleMs: 6_000,
  readMs: 2_000,
  settleMs: 2_000,
  returnMs: 15_000,
  pausesMs: [200, 1_000, 3_000, 10_000],
}

/** The slowest call of each kind in this run. */
export type Timings = ReadonlyMap<string, { count: number; slowestMs: number }>

/** A volume that a check has mounted, and what can be seen of that. */
export interface Mounted {
  name: string
  id: string
  path: string
  /** `Get` told no mountpoint before, and tells one now. */
  reported: boolean
  /** The kernel has a mount there. */
  inKernel: boolean
  /** Text of a file in it, where it could be written. */
  marker?: string
}

/** What a check works with besides the plugin. Volumes made through it are unmounted and removed after the check. */
export interface CheckContext {
  readonly deadline: Deadline
  readonly timing: Timing
  readonly timings: Timings
  /** Whether volumes may be mounted. */
  readonly mounts: boolean
  /** Whether the mounted folders can be looked into. */
  readonly looks: boolean
  readonly createOptions: Readonly<Record<string, string>>
  /** The folder that volumes are mounted in, once a check has seen it. */
  mountRoot(): string | undefined
  /** A name nobody has, with the run's prefix; removed after the check if the plugin knows it then. */
  newName(suffix?: string): string
  /** The same for a name of the check's own choice. */
  claim(name: string): string
  /** 64 hexadecimal digits, as dockerd makes them. */
  newId(): string
  /** Creates a volume and returns its name. */
  volume(): Promise<string>
  /** Creates a volume and mounts it once, with a file in it where that can be looked at. */
  mounted(): Promise<Mounted>
  /** What shows that a volume is no longer mounted; undefined when nothing does. */
  whyGone(mounted: Mounted): Promise<string | undefined>
  /** Throws a complaint when a volume, unmounted by all, is not let go. Removes it where nothing else can tell. */
  expectReleased(mounted: Mounted): Promise<void>
  /** Runs work that no plugin may die of. Throws a complaint when the plugin drops a bystander's connection or stops answering. */
  survives<T>(what: string, work: () => Promise<T>): Promise<T>
  /** Does something once in a run, for several checks that judge one part of it each. */
  once<T>(key: string, work: () => Promise<T>): Promise<T>
  /** Runs the user's restart command. Throws a complaint when it fails. */
  restart(): Promise<void>
}

export interface ContextOptions {
  client: PluginClient
  ledger: Ledger
  deadline: Deadline
  timing: Timing
  timings: Timings
  mounts: boolean
  looks: boolean
  createOptions: Readonly<Record<string, string>>
  /** Beginning of every name in this run. */
  prefix: string
  restart?: (deadline: Deadline) => Promise<void>
}

const markerName = 'acs-check'

export function createContext(options: ContextOptions): CheckContext {
  const { client, ledger, deadline, timing, looks, prefix } = options
  const memory = new Map<string, Promise<unknown>>()
  let count = 0
  let root: string | undefined

  const context: CheckContext = {
    deadline,
    timing,
    timings: options.timings,
    mounts: options.mounts,
    looks,
    createOptions: options.createOptions,
    mountRoot: () => root,
    newName(suffix = '') {
      count += 1
      return context.claim(`${prefix}-${count}${suffix}`)
    },
    claim(name) {
      ledger.addName(name)
      return name
    },
    newId: () => randomBytes(32).toString('hex'),
    async volume() {
      const name = context.newName()
      expectSuccess(await client.create(name), `Create of "${name}"`)
      return name
    },
    async mounted() {
      const name = await context.volume()
      const before = await reportedMountpoint(client, name)
      const id = context.newId()
      const path = mountedAt(await client.mount(name, id))
      if (basename(path) === name) root = dirname(path)
      const reported = before === '' && (await reportedMountpoint(client, name)) === path
      const mounted: Mounted = { name, id, path, reported, inKernel: false }
      if (!looks) return mounted
      mounted.inKernel = (await kernelMount(path)) !== undefined
      const marker = randomBytes(8).toString('hex')
      if (await canMark(path, marker)) mounted.marker = marker
      return mounted
    },
    async whyGone({ name, path, reported, inKernel, marker }) {
      if (inKernel && !(await kernelMount(path))) return `the kernel has nothing mounted on ${path} any more`
      if (marker !== undefined && (await readMarker(path, markerName)) !== marker)
        return `the file that was written to ${path} is not there any more`
      if (!reported) return undefined
      const told = await reportedMountpoint(client, name)
      if (told === null) return 'Get does not find the volume any more'
      return told === '' ? 'Get tells no Mountpoint any more' : undefined
    },
    async expectReleased(mounted) {
      const endsAt = performance.now() + timing.settleMs
      while (mounted.reported || mounted.inKernel) {
        if ((await context.whyGone(mounted)) !== undefined) return
        if (performance.now() > endsAt) break
        await deadline.sleep(50, 'waiting for a volume to be let go')
      }
      // A plugin may keep a volume for a while after its last Unmount, as long as it lets go when it has to.
      const removed = await client.remove(mounted.name)
      expectSuccess(removed, `Remove of "${mounted.name}", which nobody has mounted any more,`)
    },
    async survives(what, work) {
      const bystander = await client.open()
      try {
        const result = await work()
        const answer = await client.activate()
        if (answer.status !== 200) throw new Complaint(`after ${what} the plugin did not answer`, answer)
        if (bystander?.wire.isClosed())
          throw new Complaint(
            `${what} made the plugin drop another client's connection: it crashed, or drops everybody`,
          )
        return result
      } finally {
        bystander?.wire.close()
      }
    },
    async once(key, work) {
      const begun = memory.get(key) ?? work()
      memory.set(key, begun)
      // The key belongs to one caller's type.
      return (await begun) as Awaited<ReturnType<typeof work>>
    },
    async restart() {
      if (!options.restart) throw new Skipped('needs --restart')
      await options.restart(deadline)
    },
  }
  return context
}

/** A file that shows later whether it is still the same volume. Where none can be written a check of its own complains. */
async function canMark(path: string, text: string): Promise<boolean> {
  try {
    await writeMarker(path, markerName, text)
    return true
  } catch (error) {
    if (error instanceof Complaint || error instanceof Skipped) return false
    throw error
  }
}
