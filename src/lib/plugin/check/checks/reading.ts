import { Complaint, type Check } from '../check.js'
import { documentOf, fieldOf, succeeded, type Exchange } from '../exchange.js'
import { listed, mountpointOf, statusFault, timeFault, volumeIn } from '../judge.js'
import { sources } from './sources.js'

const purge =
  'dockerd takes an answer it cannot read for "no such volume", and forgets the labels and options of the volume.'

/** What `Get`, `List` and `Path` say of volumes. */
export const readingChecks: readonly Check[] = [
  {
    id: 'get.unknown',
    title: 'Get of an unknown volume is an error, or a Volume of null',
    severity: 'must',
    why: 'dockerd would not create it, but mount what is not there.',
    source: `${sources.adapter} Get`,
    async run(client, context) {
      const answer = await client.get(context.newName())
      if (volumeIn(answer) !== null) throw new Complaint('Get finds a volume that was never created', answer)
      if (succeeded(answer)) return 'no error, but a Volume of null'
    },
  },
  {
    id: 'get.created-at',
    title: 'CreatedAt in Get is an RFC 3339 time, or left out',
    why: `"" is no time to Go, and the whole Get fails: ${purge}`,
    source: `${sources.adapter} proxyVolume; docker-protocols.md, finding 1`,
    ...ofEveryVolume('get', 'CreatedAt', timeFault),
  },
  {
    id: 'list.created-at',
    title: 'CreatedAt in List is an RFC 3339 time, or left out',
    why: '"" is no time to Go, and the whole List fails for one volume.',
    source: `${sources.adapter} proxyVolume`,
    ...ofEveryVolume('list', 'CreatedAt', timeFault),
  },
  {
    id: 'get.status',
    title: 'Status in Get is an object, or left out',
    why: `A list or a text is no map to Go, and the whole Get fails: ${purge}`,
    source: `${sources.adapter} proxyVolume`,
    ...ofEveryVolume('get', 'Status', statusFault),
  },
  {
    id: 'list.status',
    title: 'Status in List is an object, or left out',
    why: 'A list or a text is no map to Go, and the whole List fails for one volume.',
    source: `${sources.adapter} proxyVolume`,
    ...ofEveryVolume('list', 'Status', statusFault),
  },
  {
    id: 'get.unmounted',
    title: 'Get tells no Mountpoint of a volume that is not mounted',
    severity: 'should',
    why: 'docker volume inspect shows a folder in which nothing is, and somebody puts data there.',
    source: 'docker-protocols.md A.3',
    needs: ['get.created'],
    async run(client, context) {
      const answer = await client.get(await context.volume())
      const mountpoint = mountpointOf(volumeIn(answer))
      if (mountpoint !== '') throw new Complaint(`Get tells ${mountpoint} before any Mount`, answer)
    },
  },
  {
    id: 'get.mounted',
    title: 'Get tells the path of a mounted volume',
    severity: 'should',
    why: 'It is what docker volume inspect shows, and what dockerd works with after its restart.',
    source: `${sources.adapter} Get, Path`,
    needs: ['mount.path', 'get.created'],
    uses: ['mount'],
    async run(client, context) {
      const { name, path } = await context.mounted()
      const answer = await client.get(name)
      samePath('Get', mountpointOf(volumeIn(answer)), path, answer)
    },
  },
  {
    id: 'path.mounted',
    title: 'Path tells the path of a mounted volume',
    severity: 'should',
    why: 'dockerd asks for it when Get told none.',
    source: `${sources.adapter} Path`,
    needs: ['mount.path'],
    uses: ['mount'],
    async run(client, context) {
      const { name, path } = await context.mounted()
      const answer = await client.path(name)
      samePath('Path', mountpointOf(documentOf(answer)), path, answer)
    },
  },
]

function samePath(call: string, told: string, path: string, answer: Exchange): void {
  if (told !== path) throw new Complaint(`${call} tells ${JSON.stringify(told)}, Mount told ${path}`, answer)
}

/** Judges a field of a fresh volume and, where volumes are mounted at all, of a mounted one. */
function ofEveryVolume(
  call: 'get' | 'list',
  field: string,
  fault: (value: unknown) => string | undefined,
): Pick<Check, 'severity' | 'needs' | 'run'> {
  return {
    severity: 'must',
    needs: [`${call}.created`],
    async run(client, context) {
      const name = await context.volume()
      const look = async (when: string): Promise<void> => {
        const answer = call === 'get' ? await client.get(name) : await client.list()
        const volume = call === 'get' ? volumeIn(answer) : listed(answer, name)[0]
        const found = fault(fieldOf(volume, field))
        if (found !== undefined) throw new Complaint(`${field}${when} ${found}`, answer)
      }
      await look('')
      if (!context.mounts) return
      // Whether a Mount works is for others to say; Status in particular often tells more of a mounted volume.
      await client.mount(name, context.newId())
      await look(' of a mounted volume')
    },
  }
}
