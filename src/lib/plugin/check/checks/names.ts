import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Complaint, type Check, type Severity } from '../check.js'
import type { PluginClient } from '../client.js'
import { succeeded } from '../exchange.js'
import { exists } from '../folder.js'
import { expectRefusal, expectSuccess, listed, volumeIn } from '../judge.js'
import { sources } from './sources.js'

const unchecked = 'dockerd checks names for its own driver only (docker-protocols.md, finding 12)'

export const nameChecks: readonly Check[] = [
  {
    id: 'names.usual',
    title: "Letters of both cases, digits, '.', '_' and '-' are kept as they are",
    severity: 'must',
    why: 'They are what Docker allows for its own volumes, so what people use; two names must not become one.',
    source: 'moby daemon/names/names.go RestrictedNameChars',
    needs: ['get.created', 'list.created'],
    async run(client, context) {
      await roundTrip(client, context.newName('-Ab_c.d-9'))
    },
  },
  {
    id: 'names.anonymous',
    title: 'A name of 64 hexadecimal digits is accepted',
    severity: 'must',
    why: 'It is the name of an anonymous volume: docker run -v /data --volume-driver PLUGIN.',
    source: sources.seen('Create {"Name":"<64 hex>"}'),
    needs: ['get.created', 'list.created'],
    async run(client, context) {
      await roundTrip(client, context.claim(randomBytes(32).toString('hex')))
    },
  },
  {
    id: 'names.get-empty',
    title: 'Get without a name finds nothing',
    severity: 'must',
    why: 'dockerd asks for it at its start when its records have such an entry.',
    source: sources.seen('Get {"Name":""}'),
    needs: ['get.unknown'],
    run: (client, context) =>
      context.survives('Get without a name', async () => {
        const answer = await client.get('')
        if (volumeIn(answer) !== null) throw new Complaint('Get without a name finds a volume', answer)
      }),
  },
  {
    id: 'names.empty',
    title: 'Create without a name is refused',
    severity: 'must',
    why: 'Joined into a path, no name is the folder of all volumes.',
    source: sources.seen(unchecked),
    async run(client, context) {
      const answer = await client.create('')
      if (succeeded(answer)) context.claim('')
      expectRefusal(answer, 'Create without a name')
    },
  },
  {
    id: 'names.traversal',
    title: "Names with '..' are refused, and make nothing anywhere",
    severity: 'must',
    why: 'docker volume create ../../etc/x arrives as it was typed: a name that is joined into a path writes wherever it likes, as root.',
    source: sources.seen(unchecked),
    async run(client, context) {
      const inner = context.newName()
      const names = [`../${inner}`, `${inner}/../../${inner}-b`, `/tmp/${inner}-c`].map((name) => context.claim(name))
      const root = context.mountRoot()
      for (const name of names) {
        const answer = await client.create(name)
        const places = name.startsWith('/') ? [name] : root === undefined ? [] : [join(root, name)]
        for (const place of context.looks ? places : [])
          if (await exists(place)) throw new Complaint(`Create of ${JSON.stringify(name)} made ${place}`, answer)
        expectRefusal(answer, `Create of ${JSON.stringify(name)}`)
      }
    },
  },
  refused(
    'slash',
    'should',
    (name) => `${name}/b`,
    "a name with '/'",
    'As part of a path it is two folders, and as a URL two segments.',
  ),
  refused(
    'long',
    'should',
    (name) => name.padEnd(300, 'x'),
    'a name of 300 characters',
    'A file name has 255 bytes; what is cut off makes two names one.',
  ),
  refused(
    'control',
    'should',
    (name) => `${name}\u0007\n\u001B[2J`,
    'a name with control characters',
    'It ends up in logs and on terminals.',
  ),
]

async function roundTrip(client: PluginClient, name: string): Promise<void> {
  expectSuccess(await client.create(name), `Create of "${name}"`)
  const answer = await client.get(name)
  if (volumeIn(answer) === null) throw new Complaint(`Get does not find "${name}"`, answer)
  const list = await client.list()
  if (listed(list, name).length !== 1) throw new Complaint(`List does not have "${name}"`, list)
}

function refused(
  what: string,
  severity: Severity,
  make: (name: string) => string,
  inWords: string,
  why: string,
): Check {
  return {
    id: `names.${what}`,
    title: `Create of ${inWords} is refused`,
    severity,
    why,
    source: sources.seen(unchecked),
    run: async (client, context) => refuses(client, context.claim(make(context.newName()))),
  }
}

async function refuses(client: PluginClient, name: string): Promise<void> {
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}...` : name)
  expectRefusal(await client.create(name), `Create of ${shown}`)
}
