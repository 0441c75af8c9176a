import { Complaint, Skipped, type Check } from '../check.js'
import { outcomeOf, succeeded } from '../exchange.js'
import { entriesOf } from '../folder.js'
import { expectRefusal, expectSuccess, listed, mountedAt, volumeIn } from '../judge.js'
import { sources } from './sources.js'

export const removeChecks: readonly Check[] = [
  {
    id: 'remove.gone',
    title: 'A removed volume is neither found by Get nor in List',
    severity: 'must',
    why: 'dockerd would bring it back, or never let the name go.',
    source: `moby daemon/volume/service/store.go Remove`,
    needs: ['get.unknown', 'get.created', 'list.created'],
    async run(client, context) {
      const name = await context.volume()
      expectSuccess(await client.remove(name), 'Remove')
      const answer = await client.get(name)
      if (volumeIn(answer) !== null) throw new Complaint('Get finds a removed volume', answer)
      const list = await client.list()
      if (listed(list, name).length > 0) throw new Complaint('List has a removed volume', list)
    },
  },
  {
    id: 'remove.unmounted',
    title: 'A volume that was mounted and unmounted can be removed',
    severity: 'must',
    why: 'docker run --rm removes an anonymous volume right after its last Unmount.',
    source: sources.seen('Unmount, Get, Remove within milliseconds'),
    needs: ['mount.again'],
    uses: ['mount'],
    async run(client, context) {
      const { name, id } = await context.mounted()
      expectSuccess(await client.unmount(name, id), 'Unmount')
      expectSuccess(await client.remove(name), 'Remove right after Unmount')
    },
  },
  {
    id: 'remove.unknown',
    title: 'Remove of an unknown volume is answered, with an error or without',
    severity: 'should',
    why: 'Both are seen and neither does harm: dockerd asks with Get before.',
    source: `moby daemon/volume/service/store.go Remove`,
    async run(client, context) {
      const answer = await client.remove(context.newName())
      if (answer.lost) throw new Complaint(`no answer: ${answer.lost.text}`, answer)
      return succeeded(answer) ? 'no error' : `an error: ${outcomeOf(answer)}`
    },
  },
  {
    id: 'remove.mounted',
    title: 'Remove of a mounted volume is refused',
    severity: 'should',
    why: 'Docker and Podman on one host do not know of each other; nor do two hosts.',
    source: 'docker-protocols.md C: Podman has its own references',
    needs: ['mount.path'],
    uses: ['mount'],
    async run(client, context) {
      const mounted = await context.mounted()
      expectRefusal(await client.remove(mounted.name), 'Remove of a mounted volume')
      const why = await context.whyGone(mounted)
      if (why !== undefined) throw new Complaint(`Remove was refused, but did harm: ${why}`)
    },
  },
  {
    id: 'remove.recreate',
    title: 'A name can be used again after Remove',
    severity: 'must',
    why: 'docker compose down -v; docker compose up.',
    source: `moby daemon/volume/service/store.go Remove`,
    needs: ['remove.gone', 'create.new'],
    async run(client, context) {
      const name = await context.volume()
      expectSuccess(await client.remove(name), 'Remove')
      expectSuccess(await client.create(name), 'Create of a name that was removed')
      const answer = await client.get(name)
      if (volumeIn(answer) === null) throw new Complaint('Get does not find it', answer)
    },
  },
  {
    id: 'data.fresh',
    title: 'A new volume has nothing of a removed one of the same name',
    severity: 'should',
    why: 'Somebody gets the data of somebody else.',
    source: 'peers.md: volumes that were only let go of',
    needs: ['remove.recreate', 'remove.unmounted', 'mount.folder'],
    uses: ['mount', 'folder'],
    async run(client, context) {
      const mounted = await context.mounted()
      if (mounted.marker === undefined) throw new Skipped('no file could be written')
      const { name, id } = mounted
      expectSuccess(await client.unmount(name, id), 'Unmount')
      expectSuccess(await client.remove(name), 'Remove')
      expectSuccess(await client.create(name), 'Create of a name that was removed')
      const path = mountedAt(await client.mount(name, context.newId()))
      if ((await entriesOf(path)).includes('acs-check')) throw new Complaint('the new volume has the old file in it')
    },
  },
]
