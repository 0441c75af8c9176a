import { Complaint, Skipped, type Check } from '../check.js'
import type { PluginClient } from '../client.js'
import type { CheckContext, Mounted } from '../context.js'
import type { Exchange } from '../exchange.js'
import { expectSuccess, listed, mountedAt, volumeIn } from '../judge.js'
import { sources } from './sources.js'

const running = 'Containers go on while a plugin is restarted, for an upgrade or after a crash'

/** One restart in the middle of things, judged by several checks. */
export const restartChecks: readonly Check[] = [
  {
    id: 'restart.returns',
    title: 'The plugin takes connections within 15 s of its restart',
    severity: 'must',
    why: 'dockerd tries for 15 s, and then the call has failed. A managed plugin has 9.5 s, or is disabled for good.',
    source: `${sources.client} backoff, abort; moby daemon/pkg/plugin/manager_linux.go`,
    needs: ['create.new'],
    uses: ['restart'],
    async run(client, context) {
      const { returnedMs } = await restarted(client, context)
      if (returnedMs === undefined)
        throw new Complaint(`no connection within ${context.timing.returnMs} ms of the restart`)
      return `after ${Math.round(returnedMs)} ms`
    },
  },
  {
    id: 'restart.without-activate',
    title: 'After a restart calls are answered without another Activate',
    severity: 'must',
    why: 'dockerd activates a plugin once in its own life, and does not notice that it was restarted.',
    source: sources.activate,
    needs: ['restart.returns'],
    uses: ['restart'],
    async run(client, context) {
      expectSuccess(answered((await restarted(client, context)).list), 'List, the first call after the restart,')
    },
  },
  {
    id: 'restart.volumes',
    title: 'Volumes are still there after a restart',
    severity: 'must',
    why: 'dockerd forgets the labels and options of a volume that Get does not find.',
    source: `${sources.lookup}; docker-protocols.md, finding 1`,
    needs: ['restart.without-activate', 'get.created', 'list.created'],
    uses: ['restart'],
    async run(client, context) {
      const { idle, list, get } = await restarted(client, context)
      if (listed(answered(list), idle).length !== 1) throw new Complaint('List does not have the volume any more', list)
      if (volumeIn(answered(get)) === null) throw new Complaint('Get does not find the volume any more', get)
    },
  },
  {
    id: 'restart.mounted',
    title: 'A mounted volume is still mounted after a restart',
    severity: 'must',
    why: `${running}, and expect their data.`,
    source: 'docker-protocols.md A.6',
    needs: ['restart.volumes', 'mount.two-ids'],
    uses: ['restart', 'mount'],
    async run(client, context) {
      const { gone, mountedGet } = await restarted(client, context)
      if (gone !== undefined) throw new Complaint(gone, mountedGet)
    },
  },
  {
    id: 'restart.ids',
    title: 'The IDs of before the restart are known: one of two is unmounted, the other keeps its mount',
    severity: 'must',
    why: `${running}; the first one that ends takes the volume from the others.`,
    source: 'docker-protocols.md, findings 6 and 7',
    needs: ['restart.mounted', 'unmount.one-of-two'],
    uses: ['restart', 'mount'],
    async run(client, context) {
      const { unmount, goneAfterOne } = await restarted(client, context)
      expectSuccess(answered(unmount), 'Unmount with an ID of before the restart')
      if (goneAfterOne !== undefined)
        throw new Complaint(`the other ID lost its mount with it: ${goneAfterOne}`, unmount)
    },
  },
  {
    id: 'restart.same-id',
    title: 'Mount with an ID of before the restart tells the same path',
    severity: 'must',
    why: 'When the host went down with both, dockerd mounts with the IDs it had.',
    source: sources.seen('the same ID after kill -9 of dockerd'),
    needs: ['restart.mounted', 'mount.same-id'],
    uses: ['restart', 'mount'],
    async run(client, context) {
      const { again, mounted } = await restarted(client, context)
      const path = mountedAt(answered(again))
      if (path !== mounted?.path) throw new Complaint(`it told ${path}, before it was ${mounted?.path ?? '?'}`, again)
    },
  },
  {
    id: 'restart.unmount',
    title: 'A volume is let go when its last ID of before the restart is unmounted',
    severity: 'must',
    why: 'It stays attached to this host for good, and no other host can have it.',
    source: 'docker-protocols.md, finding 7',
    needs: ['restart.ids', 'unmount.last'],
    uses: ['restart', 'mount'],
    async run(client, context) {
      const { lastUnmount, notReleased } = await restarted(client, context)
      expectSuccess(answered(lastUnmount), 'Unmount with the last ID of before the restart')
      if (notReleased !== undefined) throw new Complaint(notReleased, lastUnmount)
    },
  },
]

/** What was seen around the restart; what is missing was not come to. */
interface Restarted {
  /** Name of a volume that is only there. */
  idle: string
  mounted?: Mounted | undefined
  returnedMs?: number | undefined
  list?: Exchange
  get?: Exchange
  /** Why the mounted volume is not, after the restart. */
  gone?: string | undefined
  mountedGet?: Exchange
  again?: Exchange
  unmount?: Exchange
  goneAfterOne?: string | undefined
  lastUnmount?: Exchange
  notReleased?: string
}

function restarted(client: PluginClient, context: CheckContext): Promise<Restarted> {
  return context.once('restart', async () => {
    const seen: Restarted = { idle: await context.volume() }
    const second = context.newId()
    seen.mounted = context.mounts ? await mountedTwice(client, context, second) : undefined
    await context.restart()
    seen.returnedMs = await connectionAfter(client, context)
    if (seen.returnedMs === undefined) return seen
    // Nothing before this: a plugin that waits for Activate has to fail here.
    seen.list = await client.list()
    seen.get = await client.get(seen.idle)
    if (seen.mounted) await unmountOneByOne(client, context, seen, seen.mounted, second)
    await client.activate()
    return seen
  })
}

/** A volume with two IDs; undefined where mounting fails, of which others complain. */
async function mountedTwice(client: PluginClient, context: CheckContext, second: string): Promise<Mounted | undefined> {
  try {
    const mounted = await context.mounted()
    mountedAt(await client.mount(mounted.name, second))
    return mounted
  } catch (error) {
    if (error instanceof Complaint) return undefined
    throw error
  }
}

async function unmountOneByOne(
  client: PluginClient,
  context: CheckContext,
  seen: Restarted,
  mounted: Mounted,
  second: string,
): Promise<void> {
  const { name, id } = mounted
  seen.mountedGet = await client.get(name)
  seen.gone = await context.whyGone(mounted)
  if (seen.gone !== undefined) return
  seen.unmount = await client.unmount(name, second)
  seen.goneAfterOne = await context.whyGone(mounted)
  if (seen.goneAfterOne !== undefined) return
  seen.again = await client.mount(name, id)
  seen.lastUnmount = await client.unmount(name, id)
  // The same ID was mounted twice: a plugin that counts has one left, as it should.
  await client.unmount(name, id)
  try {
    await context.expectReleased(mounted)
  } catch (error) {
    if (!(error instanceof Complaint)) throw error
    seen.notReleased = error.message
  }
}

/** Milliseconds until the plugin took a connection; undefined when it did not in time. */
async function connectionAfter(client: PluginClient, { timing, deadline }: CheckContext): Promise<number | undefined> {
  const startedAt = performance.now()
  for (;;) {
    const open = await client.open()
    const tookMs = performance.now() - startedAt
    open?.wire.close()
    if (open) return tookMs
    if (tookMs > timing.returnMs) return undefined
    await deadline.sleep(50, 'waiting for the plugin to come back')
  }
}

function answered(exchange: Exchange | undefined): Exchange {
  if (!exchange) throw new Skipped('what comes before it failed')
  return exchange
}
