import { Complaint, Skipped, type Check } from '../check.js'
import { outcomeOf, succeeded } from '../exchange.js'
import { entriesOf, expectFolder, kernelMount, writeMarker } from '../folder.js'
import { expectRefusal, expectSuccess, mountedAt } from '../judge.js'
import { sources } from './sources.js'

const parallel = 8

export const mountChecks: readonly Check[] = [
  {
    id: 'mount.path',
    title: 'Mount tells an absolute path',
    severity: 'must',
    why: 'It is the source of a bind mount.',
    source: `${sources.proxy} Mount; ${sources.mounts}`,
    needs: ['create.new'],
    uses: ['mount'],
    async run(client, context) {
      return mountedAt(await client.mount(await context.volume(), context.newId()))
    },
  },
  {
    id: 'mount.folder',
    title: 'The path is a folder that can be written to',
    severity: 'must',
    why: 'The container fails to start, or to work.',
    source: sources.mounts,
    needs: ['mount.path'],
    uses: ['mount', 'folder'],
    async run(client, context) {
      const path = mountedAt(await client.mount(await context.volume(), context.newId()))
      await expectFolder(path)
      await writeMarker(path, 'acs-check', 'written\n')
      const mount = await kernelMount(path)
      return mount ? `a mount: ${mount.type} on ${mount.source}` : 'an ordinary folder, no mount'
    },
  },
  {
    id: 'mount.fresh-empty',
    title: "A fresh volume is empty: no 'lost+found'",
    severity: 'should',
    why:
      'Docker and Podman fill only an empty volume with what the image has there, content and owner; and databases refuse to ' +
      'begin in a folder with something in it. ext4 makes a lost+found.',
    source: `${sources.copyUp}; docker-protocols.md, finding 13`,
    needs: ['mount.folder'],
    uses: ['mount', 'folder'],
    async run(client, context) {
      const path = mountedAt(await client.mount(await context.volume(), context.newId()))
      const entries = await entriesOf(path)
      if (entries.length > 0) throw new Complaint(`a fresh volume has ${entries.slice(0, 5).join(', ')} in it`)
    },
  },
  {
    id: 'mount.unknown-volume',
    title: 'Mount of an unknown volume is an error',
    severity: 'must',
    why: 'A container would run on an empty folder of its host and lose what it writes.',
    source: `${sources.proxy} Mount`,
    uses: ['mount'],
    async run(client, context) {
      expectRefusal(await client.mount(context.newName(), context.newId()), 'Mount of a volume that does not exist')
    },
  },
  {
    id: 'mount.same-id',
    title: 'Mount with an ID that has it mounted already tells the same path',
    severity: 'must',
    why: 'After a crash dockerd mounts again with the ID it had, and docker cp does while the container runs.',
    source: `${sources.seen('Mount(ID), Mount(ID) for docker cp')}; docker-protocols.md, finding 6`,
    needs: ['mount.path'],
    uses: ['mount'],
    async run(client, context) {
      const { name, id, path } = await context.mounted()
      const answer = await client.mount(name, id)
      const again = mountedAt(answer)
      if (again !== path) throw new Complaint(`the second Mount told ${again}, the first ${path}`, answer)
    },
  },
  {
    id: 'mount.two-ids',
    title: 'Mount with a second ID succeeds, and both see the same files',
    severity: 'must',
    why: 'Two containers on one volume have two IDs.',
    source: sources.seen('one ID a container and mount point'),
    needs: ['mount.path'],
    uses: ['mount'],
    async run(client, context) {
      const mounted = await context.mounted()
      const answer = await client.mount(mounted.name, context.newId())
      const why = await context.whyGone({ ...mounted, path: mountedAt(answer), inKernel: false, reported: false })
      if (why !== undefined) throw new Complaint(why, answer)
    },
  },
  {
    id: 'mount.one-path',
    title: 'Mount tells every ID the same path',
    severity: 'should',
    why: 'dockerd remembers one path a volume, and shows it for all containers.',
    source: `${sources.adapter} Mount: eMount`,
    needs: ['mount.two-ids'],
    uses: ['mount'],
    async run(client, context) {
      const { name, path } = await context.mounted()
      const answer = await client.mount(name, context.newId())
      const second = mountedAt(answer)
      if (second !== path) throw new Complaint(`the second ID got ${second}, the first ${path}`, answer)
    },
  },
  {
    id: 'mount.concurrent',
    title: `Of ${parallel} Mounts of one volume at once, each with its own ID, all succeed`,
    severity: 'must',
    why: 'Services started together mount their common volume together.',
    source: `${sources.adapter}: no lock around Mount`,
    needs: ['mount.two-ids'],
    uses: ['mount'],
    async run(client, context) {
      const name = await context.volume()
      const answers = await Promise.all(Array.from({ length: parallel }, () => client.mount(name, context.newId())))
      const failed = answers.filter((answer) => !succeeded(answer))
      if (failed[0]) throw new Complaint(`${failed.length} of ${parallel} failed: ${outcomeOf(failed[0])}`, failed[0])
    },
  },
  {
    id: 'mount.again',
    title: 'A volume that was unmounted can be mounted again',
    severity: 'must',
    why: 'One docker run is two mounts where the image has something at that place: one to fill the volume, one to use it.',
    source: sources.seen('Mount(ID1), Unmount(ID1), Mount(ID2) for one docker run'),
    needs: ['mount.path'],
    uses: ['mount'],
    async run(client, context) {
      const name = await context.volume()
      for (const round of ['first', 'second', 'third']) {
        const id = context.newId()
        mountedAt(await client.mount(name, id))
        expectSuccess(await client.unmount(name, id), `the ${round} Unmount`)
      }
    },
  },
  {
    id: 'data.persists',
    title: 'What was written is there after Unmount and Mount',
    severity: 'must',
    why: 'It is what a volume is for.',
    source: 'https://docs.docker.com/engine/extend/plugins_volume/',
    needs: ['mount.folder', 'mount.two-ids', 'mount.again'],
    uses: ['mount', 'folder'],
    async run(client, context) {
      const mounted = await context.mounted()
      if (mounted.marker === undefined) throw new Skipped('no file could be written')
      expectSuccess(await client.unmount(mounted.name, mounted.id), 'Unmount')
      const answer = await client.mount(mounted.name, context.newId())
      const why = await context.whyGone({ ...mounted, path: mountedAt(answer), inKernel: false, reported: false })
      if (why !== undefined) throw new Complaint(why, answer)
    },
  },
]
