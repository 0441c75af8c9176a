import { Complaint, Skipped, type Check } from '../check.js'
import type { PluginClient } from '../client.js'
import type { CheckContext, Mounted } from '../context.js'
import { refused, succeeded } from '../exchange.js'
import { expectSuccess, mountedAt } from '../judge.js'
import { sources } from './sources.js'

const counters = 'A plugin that counts calls instead of keeping IDs takes the volume from under a running container.'

/** Whose mount ends with an Unmount, and whose does not. */
export const unmountChecks: readonly Check[] = [
  {
    id: 'unmount.last',
    title: 'A volume whose IDs are all unmounted is let go',
    severity: 'must',
    why: 'It stays attached to this host, and no other host can have it.',
    source: `${sources.proxy} Unmount`,
    needs: ['mount.path'],
    uses: ['mount'],
    async run(client, context) {
      const mounted = await context.mounted()
      const { name, id } = mounted
      const second = context.newId()
      mountedAt(await client.mount(name, second))
      expectSuccess(await client.unmount(name, id), 'Unmount of the first ID')
      expectSuccess(await client.unmount(name, second), 'Unmount of the second ID')
      await context.expectReleased(mounted)
    },
  },
  {
    id: 'unmount.one-of-two',
    title: 'Unmount of one ID leaves the other its mount',
    severity: 'must',
    why: 'The end of one container takes the data from another that is still running.',
    source: sources.seen('one ID a container and mount point'),
    needs: ['mount.two-ids'],
    uses: ['mount'],
    async run(client, context) {
      const mounted = await tellablyMounted(client, context)
      mountedAt(await client.mount(mounted.name, context.newId()))
      expectSuccess(await client.unmount(mounted.name, mounted.id), 'Unmount of the first ID')
      await expectStill(client, context, mounted, 'the second ID has it mounted')
    },
  },
  {
    id: 'unmount.unknown-id',
    title: 'Unmount with an ID that nobody mounted with succeeds',
    severity: 'must',
    why:
      'dockerd repeats an Unmount whose end it did not see; while it gets an error, the volume counts as mounted, and every ' +
      'later Unmount of that container fails too.',
    source: sources.mounts,
    needs: ['create.new'],
    uses: ['mount'],
    async run(client, context) {
      const name = await context.volume()
      expectSuccess(await client.unmount(name, context.newId()), 'Unmount with an unknown ID')
    },
  },
  {
    id: 'unmount.repeated',
    title: 'A repeated Unmount succeeds',
    severity: 'must',
    why: 'The answer to the first may be lost: a time-out, a restart of either side.',
    source: sources.mounts,
    needs: ['mount.path'],
    uses: ['mount'],
    async run(client, context) {
      const { name, id } = await context.mounted()
      expectSuccess(await client.unmount(name, id), 'Unmount')
      expectSuccess(await client.unmount(name, id), 'a second Unmount with the same ID')
    },
  },
  {
    id: 'unmount.foreign-id',
    title: 'Unmount with an unknown ID leaves those who have it mounted their mount',
    severity: 'must',
    why: counters,
    source: 'docker-protocols.md, finding 6',
    needs: ['mount.path'],
    uses: ['mount'],
    async run(client, context) {
      const mounted = await tellablyMounted(client, context)
      await client.unmount(mounted.name, context.newId())
      await expectStill(client, context, mounted, 'only an unknown ID was unmounted')
    },
  },
  {
    id: 'unmount.twice-of-two',
    title: 'A repeated Unmount of one ID leaves the other its mount',
    severity: 'must',
    why: counters,
    source: 'docker-protocols.md, finding 6',
    needs: ['unmount.one-of-two'],
    uses: ['mount'],
    async run(client, context) {
      const mounted = await tellablyMounted(client, context)
      const second = context.newId()
      mountedAt(await client.mount(mounted.name, second))
      for (let round = 0; round < 2; round += 1) await client.unmount(mounted.name, second)
      await expectStill(client, context, mounted, 'only the second ID was unmounted, twice')
    },
  },
  {
    id: 'unmount.docker-cp',
    title: 'A volume that one ID mounted twice stays mounted until it is unmounted twice',
    severity: 'should',
    why:
      'docker cp into a running container mounts and unmounts with the very ID of the container. Whoever keeps IDs as a set lets ' +
      'go of the volume then, unless he sees in some other way that the container runs. After a crash of dockerd there is one ' +
      'Unmount for two Mounts all the same, so who counts must find out by other means that a count is stale.',
    source: `${sources.mounts}: active; ${sources.seen('run: Mount(A); cp: Mount(A), Unmount(A); stop: Unmount(A)')}`,
    needs: ['mount.same-id'],
    uses: ['mount'],
    async run(client, context) {
      const mounted = await tellablyMounted(client, context)
      mountedAt(await client.mount(mounted.name, mounted.id))
      expectSuccess(await client.unmount(mounted.name, mounted.id), 'the first of two Unmounts')
      await expectStill(client, context, mounted, 'it was mounted twice and unmounted once')
    },
  },
]

/** A mounted volume of which it can be told whether it is: from outside, or because the plugin guards it. */
async function tellablyMounted(client: PluginClient, context: CheckContext): Promise<Mounted> {
  const mounted = await context.mounted()
  if (isSeen(mounted) || (await guardsMounted(client, context))) return mounted
  throw new Skipped('whether a volume is mounted shows neither in Get, nor on this machine, nor when it is removed')
}

async function expectStill(
  client: PluginClient,
  context: CheckContext,
  mounted: Mounted,
  though: string,
): Promise<void> {
  const why = await context.whyGone(mounted)
  if (why !== undefined) throw new Complaint(`the volume is no longer mounted, though ${though}: ${why}`)
  if (isSeen(mounted)) return
  const removed = await client.remove(mounted.name)
  if (succeeded(removed))
    throw new Complaint(`the volume can be removed as if nobody had it mounted, though ${though}`, removed)
}

function isSeen({ inKernel, reported }: Mounted): boolean {
  return inKernel || reported
}

/** Whether the plugin refuses to remove a mounted volume. Not all have to. */
function guardsMounted(client: PluginClient, context: CheckContext): Promise<boolean> {
  return context.once('guards-mounted', async () => refused(await client.remove((await context.mounted()).name)))
}
