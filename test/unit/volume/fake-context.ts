import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import type { Prism } from '../../../src/lib/prism/prism.js'
import type { VolumeContext, VolumeEvent } from '../../../src/lib/volume/context.js'
import type { FakeHost } from './fake-host.js'

export interface FakeContext extends VolumeContext {
  host: FakeHost
  events: VolumeEvent[]
}

/** A context on fakes with a state folder of its own, removed after the test. */
export async function fakeContext(prism: Prism, host: FakeHost): Promise<FakeContext> {
  const stateFolder = await temporaryFolder()
  const events: VolumeEvent[] = []
  return {
    prism,
    host,
    stateFolder,
    deadline: deadlineIn(20_000),
    events,
    report: (event) => events.push(event),
    freezeGuard: () => Promise.resolve({ dismiss: () => Promise.resolve() }),
  }
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'acs-volume-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export class Crash extends Error {}

/** kill -9 in one process: nothing after this point runs, not even what takes back. */
export function crashAt(context: FakeContext, step: string, when: 'before' | 'after'): void {
  context.checkpoint = (at, whenNow) => {
    if (at !== step || whenNow !== when) return
    const { host } = context
    // The "dead" process's undo steps must not reach the machine or the cluster.
    const dead = new Crash(`${step}:${when}`)
    context.prism = new Proxy(context.prism, { get: () => () => Promise.reject(dead) })
    context.host = new Proxy(host, { get: () => () => Promise.reject(dead) })
    throw dead
  }
}
