import { Complaint, type Check } from '../check.js'
import { fieldOf, outcomeOf, refused, succeeded } from '../exchange.js'
import { expectRefusal, expectSuccess, listed, volumeIn } from '../judge.js'
import { sources } from './sources.js'

const parallel = 8

export const createChecks: readonly Check[] = [
  {
    id: 'create.new',
    title: 'Create makes a volume',
    severity: 'must',
    why: 'It is what the plugin is for.',
    source: `${sources.proxy} Create`,
    async run(client, context) {
      expectSuccess(await client.create(context.newName()), 'Create')
    },
  },
  {
    id: 'get.created',
    title: 'Get finds a volume that was created, under the name it was created with',
    severity: 'must',
    why: 'dockerd asks before every Create, Mount, Unmount and Remove, and goes on only with a volume that is found.',
    source: `${sources.lookup}; docker-protocols.md, finding 3`,
    needs: ['create.new'],
    async run(client, context) {
      const name = await context.volume()
      const answer = await client.get(name)
      const volume = volumeIn(answer)
      if (volume === null) throw new Complaint(`Get does not find it: ${outcomeOf(answer)}`, answer)
      const told = fieldOf(volume, 'Name')
      if (told !== name) throw new Complaint(`Get tells the name ${JSON.stringify(told)}, not "${name}"`, answer)
    },
  },
  {
    id: 'list.created',
    title: 'List has a volume that was created, once',
    severity: 'must',
    why: 'It is what docker volume ls shows, and what podman volume reload goes by.',
    source: `${sources.adapter} List`,
    needs: ['create.new'],
    async run(client, context) {
      const name = await context.volume()
      const list = await client.list()
      const count = listed(list, name).length
      if (count !== 1) throw new Complaint(count === 0 ? 'List does not have it' : `List has it ${count} times`, list)
    },
  },
  optionsLike('null', null, 'dockerd sends null when there are no options.', `${sources.proxy}: a nil map`),
  optionsLike(
    'absent',
    undefined,
    'Podman leaves the field out when there are no options.',
    `${sources.podman} CreateVolume`,
  ),
  {
    id: 'create.idempotent',
    title: 'Create of a volume that exists succeeds',
    severity: 'must',
    why: 'dockerd calls Create whenever Get failed for any reason, and every node of a swarm does it for itself.',
    source: `${sources.lookup} and create; docker-protocols.md, finding 4`,
    needs: ['create.new'],
    async run(client, context) {
      const name = await context.volume()
      expectSuccess(await client.create(name), 'Create of a volume that exists')
    },
  },
  {
    id: 'create.concurrent',
    title: `Of ${parallel} Creates of one name at once all succeed, and there is one volume`,
    severity: 'must',
    why: 'Services started together create their common volume together.',
    source: 'docker-protocols.md A.8: no lock across the nodes of a swarm',
    needs: ['create.idempotent', 'list.created'],
    async run(client, context) {
      const name = context.newName()
      const answers = await Promise.all(Array.from({ length: parallel }, () => client.create(name)))
      const failed = answers.filter((answer) => !succeeded(answer))
      if (failed[0]) throw new Complaint(`${failed.length} of ${parallel} failed: ${outcomeOf(failed[0])}`, failed[0])
      const list = await client.list()
      const count = listed(list, name).length
      if (count !== 1) throw new Complaint(`List has the volume ${count} times`, list)
    },
  },
  {
    id: 'create.unknown-option',
    title: 'An unknown option is refused',
    severity: 'should',
    why: 'Who misspells "size" gets a volume of another size, and learns of it when it is full.',
    source: 'peers.md: no answer is the rule, and what their users complain of',
    needs: ['create.new'],
    async run(client, context) {
      const options = { ...context.createOptions, 'acs-check-no-such-option': '1' }
      expectRefusal(await client.create(context.newName(), options), 'Create with an option that cannot exist')
    },
  },
]

/** No options said in another way must mean the same as `{}`, be it success or an error. */
function optionsLike(kind: 'null' | 'absent', options: null | undefined, why: string, source: string): Check {
  return {
    id: `create.${kind}-opts`,
    title: `Opts that are ${kind} mean no options`,
    severity: 'must',
    why,
    source,
    run: (client, context) =>
      context.survives(`Opts that are ${kind}`, async () => {
        const usual = await client.create(context.newName(), {})
        const name = context.newName()
        const answer = await client.call('VolumeDriver.Create', { Name: name, Opts: options })
        if (succeeded(usual)) expectSuccess(answer, `Create with Opts that are ${kind}`)
        else if (!refused(answer)) expectRefusal(answer, `Create without options, refused with {}, with Opts ${kind}`)
      }),
  }
}
