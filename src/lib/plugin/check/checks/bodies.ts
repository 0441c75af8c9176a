import { Complaint, Skipped, type Check } from '../check.js'
import type { PluginClient } from '../client.js'
import type { CheckContext } from '../context.js'
import { fieldOf, outcomeOf, succeeded } from '../exchange.js'
import { expectRefusal, expectSuccess, volumesIn } from '../judge.js'
import { sources } from './sources.js'

const emptyRetry = 'the retry of a dropped call has Content-Length: 0 (docker-protocols.md, finding 2)'
const hugeBytes = 16 * 1024 ** 2

/** What comes in a request's body, and what should not. */
export const bodyChecks: readonly Check[] = [
  {
    id: 'body.invalid-json',
    title: 'A body that is no JSON is refused',
    severity: 'must',
    why: 'A plugin that dies of it takes the mounts of every container with it; one that accepts it made a volume of nobody.',
    source: sources.robust,
    run: (client, context) =>
      context.survives('a body that is no JSON', async () => {
        const name = context.newName()
        for (const body of [`{"Name":"${name}","Opts":{`, 'Name=x', '\u0000\u0001\u0002'])
          expectRefusal(await client.send('VolumeDriver.Create', body), `Create with the body ${JSON.stringify(body)}`)
      }),
  },
  {
    id: 'body.not-an-object',
    title: 'JSON that is no object is refused',
    severity: 'should',
    why: 'null and lists get through a parser, and then into whatever reads the name from them.',
    source: sources.robust,
    run: (client, context) =>
      context.survives('JSON that is no object', async () => {
        const before = names(volumesIn(await client.list()))
        for (const body of ['null', '[]', '"text"', '42']) {
          const answer = await client.send('VolumeDriver.Create', body)
          for (const name of names(volumesIn(await client.list())))
            // Whatever a language makes of a name that is not there.
            if (!before.includes(name) && ['undefined', 'null', 'None', '<nil>'].includes(name)) context.claim(name)
          expectRefusal(answer, `Create with the body ${body}`)
        }
      }),
  },
  {
    id: 'body.wrong-types',
    title: 'Fields of the wrong type are refused',
    severity: 'should',
    why: 'Options that are no texts come from a broken client; what they would mean is a guess.',
    source: `${sources.proxy}: Name is a string, Opts a map of strings`,
    run: (client, context) =>
      context.survives('fields of the wrong type', async () => {
        const asList = context.newName()
        const bodies = [
          // A language that turns lists into texts makes a volume that can be found and removed again.
          { Name: [asList], Opts: {} },
          { Name: context.newName(), Opts: ['size'] },
          { Name: context.newName(), Opts: 'size=1G' },
        ]
        for (const body of bodies)
          expectRefusal(await client.call('VolumeDriver.Create', body), `Create with ${JSON.stringify(body)}`)
      }),
  },
  {
    id: 'body.unknown-fields',
    title: 'Unknown fields are ignored',
    severity: 'should',
    why: 'A later Docker may send more than today. Labels, for one, are not sent yet.',
    source: 'encoding/json, which both sides of the protocol were written with',
    needs: ['create.new'],
    async run(client, context) {
      const body = { Name: context.newName(), Opts: context.createOptions, Labels: { later: 'yes' } }
      expectSuccess(await client.call('VolumeDriver.Create', body), 'Create with a field "Labels"')
    },
  },
  {
    id: 'body.oversized',
    title: 'A body of 16 MiB is refused, and nothing is the worse for it',
    severity: 'should',
    why: 'A plugin without a limit can be made to fill the memory of its host.',
    source: sources.robust,
    run: (client, context) =>
      context.survives('a body of 16 MiB', async () => {
        const name = context.newName()
        const body = JSON.stringify({ Name: name, Opts: context.createOptions, Filling: 'x'.repeat(hugeBytes) })
        const answer = await client.send('VolumeDriver.Create', body, { shownAs: `{"Name":"${name}", ... 16 MiB}` })
        if (succeeded(answer)) throw new Complaint('Create with a body of 16 MiB was answered with success', answer)
      }),
  },
  {
    id: 'body.empty-list',
    title: 'List with an empty body is answered',
    severity: 'must',
    why: 'Podman sends none other.',
    source: `${sources.podman} ListVolumes`,
    async run(client) {
      expectSuccess(await client.send('VolumeDriver.List', ''), 'List with an empty body')
    },
  },
  {
    id: 'body.empty-capabilities',
    title: 'Capabilities with an empty body is answered',
    severity: 'should',
    why: 'It has no parameters, and a retry of dockerd has no body.',
    source: sources.seen(emptyRetry),
    needs: ['capabilities.scope'],
    async run(client) {
      const answer = await client.send('VolumeDriver.Capabilities', '')
      if (answer.status !== 404) expectSuccess(answer, 'Capabilities with an empty body')
    },
  },
  {
    id: 'body.empty-get',
    title: 'Get with an empty body gets no answer at all: the connection is dropped',
    severity: 'should',
    why:
      'Such a request is the retry of one that was lost, when the plugin was restarted for instance. Every HTTP answer to it, an ' +
      'error too, means "no such volume" to dockerd, which then forgets labels and options of a volume that is there. A dropped ' +
      'connection is the one thing it does not take for that.',
    source: `${sources.lookup}; ${sources.seen(emptyRetry)}`,
    run: (client, context) =>
      context.survives('Get with an empty body', async () => {
        const answer = await client.send('VolumeDriver.Get', '')
        if (!answer.lost) throw new Complaint(`Get with an empty body was answered with ${outcomeOf(answer)}`, answer)
        if (answer.lost.kind === 'timeout') throw new Complaint('Get with an empty body hangs', answer)
      }),
  },
  emptyBody('Create', 'makes a volume without a name, or says that one is there which is not'),
  emptyBody('Mount', 'lets a container start on an empty path', ['mount']),
  emptyBody('Unmount', 'tells dockerd that a volume is let go which is not', ['mount']),
  {
    ...emptyBody('Remove', 'tells dockerd to forget a volume that is still there'),
    async run(client, context) {
      // Joined into a path, no name at all is the folder of all volumes.
      const others = names(volumesIn(await client.list()))
      if (others.length > 0)
        throw new Skipped(`the plugin has ${others.length} volume(s), and a faulty one might remove them all`)
      await refusesEmpty(client, context, 'Remove')
    },
  },
]

function emptyBody(call: string, harm: string, uses?: Check['uses']): Check {
  return {
    id: `body.empty-${call.toLowerCase()}`,
    title: `${call} with an empty body is an error`,
    severity: 'must',
    why: `Such a request is the retry of one that was lost. Answered with success, it ${harm}.`,
    source: sources.seen(emptyRetry),
    ...(uses ? { uses } : {}),
    run: (client, context) => refusesEmpty(client, context, call),
  }
}

async function refusesEmpty(client: PluginClient, context: CheckContext, call: string): Promise<void> {
  await context.survives(`${call} with an empty body`, async () => {
    const answer = await client.send(`VolumeDriver.${call}`, '')
    if (answer.lost) throw new Complaint(`no answer, so that dockerd tries for 15 s: ${answer.lost.text}`, answer, true)
    expectRefusal(answer, `${call} with an empty body`)
  })
}

function names(volumes: readonly unknown[]): string[] {
  return volumes.map((volume) => String(fieldOf(volume, 'Name')))
}
