import { isRecord } from '../../../base/record.js'
import { Complaint, Skipped, type Check } from '../check.js'
import type { PluginClient } from '../client.js'
import type { CheckContext } from '../context.js'
import { documentOf, errOf, fieldOf, outcomeOf, refused, succeeded, type Exchange } from '../exchange.js'
import { sources } from './sources.js'

const longestError = 1_000

/** The form of answers, whatever they say. */
export const answerChecks: readonly Check[] = [
  {
    id: 'answers.json',
    title: 'Every answer of success is a JSON object, one without data too',
    severity: 'must',
    why: 'An empty body is "EOF" to the user of Docker, any other text an error of the JSON parser, though all was done.',
    source: `${sources.client} CallWithOptions; ${sources.seen('Error response from daemon: create v: EOF')}`,
    async run(client, context) {
      const faults = (await wholeLife(client, context))
        .filter(succeeded)
        .filter((answer) => !isRecord(documentOf(answer)))
      const [first] = faults
      if (first) throw new Complaint(`no JSON object: ${faults.map(inShort).join(', ')}`, first)
    },
  },
  {
    id: 'answers.types',
    title: 'The fields of answers have the types of the protocol',
    severity: 'must',
    why: 'Go reads the whole answer or nothing: one field of a wrong type is a failed call.',
    source: sources.proxy,
    needs: ['answers.json'],
    async run(client, context) {
      for (const answer of (await wholeLife(client, context)).filter(succeeded)) {
        const fault = typeFault(answer)
        if (fault !== undefined) throw new Complaint(`${answer.call}: ${fault}`, answer)
      }
    },
  },
  {
    id: 'errors.status',
    title: 'An error has a status other than 200',
    severity: 'must',
    why: 'Podman looks at nothing but the status: to it an error with 200 is success, and it runs the container without its data.',
    source: `${sources.podman} handleErrorResponse; docker-protocols.md, finding 5`,
    async run(client, context) {
      const faults = (await provokedErrors(client, context)).filter(({ status }) => status === 200)
      const [first] = faults
      if (first) throw new Complaint(`errors with status 200: ${faults.map(inShort).join(', ')}`, first)
    },
  },
  {
    id: 'errors.err',
    title: 'An error is {"Err": "..."} with a text that is not empty',
    severity: 'must',
    why: 'Podman reports the broken JSON instead of the error; Docker shows the raw body.',
    source: `${sources.podman} handleErrorResponse; ${sources.client} responseErr`,
    async run(client, context) {
      const faults = (await provokedErrors(client, context)).filter((answer) => errOf(answer) === undefined)
      const [first] = faults
      if (first) throw new Complaint(`errors without Err: ${faults.map(inShort).join(', ')}`, first)
    },
  },
  {
    id: 'errors.one-line',
    title: 'The text of an error is one line',
    severity: 'should',
    why: 'docker prints it in the middle of a line of its own.',
    source: sources.seen('Error response from daemon: create v: VolumeDriver.Create: TEXT'),
    async run(client, context) {
      for (const answer of await provokedErrors(client, context)) {
        const text = errOf(answer) ?? ''
        if (/[\r\n]/.test(text.trim())) throw new Complaint(`${answer.call}: the error has several lines`, answer)
        if (text.length > longestError)
          throw new Complaint(`${answer.call}: the error has ${text.length} characters`, answer)
      }
    },
  },
]

/** One answer of each call that can succeed. */
function wholeLife(client: PluginClient, context: CheckContext): Promise<Exchange[]> {
  return context.once('whole-life', async () => {
    const name = context.newName()
    const id = context.newId()
    const answers = [await client.activate(), await client.capabilities(), await client.create(name)]
    answers.push(await client.get(name), await client.list(), await client.path(name))
    if (context.mounts)
      answers.push(await client.mount(name, id), await client.path(name), await client.unmount(name, id))
    answers.push(await client.remove(name))
    return answers
  })
}

/** Errors of several calls; what a plugin does not take for an error is not among them. */
async function provokedErrors(client: PluginClient, context: CheckContext): Promise<Exchange[]> {
  const answers = await context.once('errors', async () => {
    const name = context.newName()
    const provoked = [await client.get(name), await client.path(name), await client.remove(name)]
    if (context.mounts) provoked.push(await client.mount(name, context.newId()))
    return provoked
  })
  const errors = answers.filter(refused)
  if (errors.length === 0) throw new Skipped('nothing that was tried is an error to this plugin')
  return errors
}

/** What Go could not decode; CreatedAt and Status have checks of their own. */
function typeFault(answer: Exchange): string | undefined {
  const document = documentOf(answer)
  const err = fieldOf(document, 'Err')
  if (!isTextOrNothing(err)) return `Err is no text but ${JSON.stringify(err)}`
  switch (answer.call) {
    case 'Plugin.Activate':
      return listFault('Implements', fieldOf(document, 'Implements'), (item) => typeof item === 'string')
    case 'VolumeDriver.Capabilities': {
      const capabilities = fieldOf(document, 'Capabilities')
      return isRecord(capabilities) ? undefined : 'Capabilities is no object'
    }
    case 'VolumeDriver.Get':
      return volumeFault(fieldOf(document, 'Volume'))
    case 'VolumeDriver.List': {
      const volumes = fieldOf(document, 'Volumes')
      if (!Array.isArray(volumes)) return listFault('Volumes', volumes, () => true)
      return volumes.map(volumeFault).find((fault) => fault !== undefined)
    }
    case 'VolumeDriver.Mount':
    case 'VolumeDriver.Path': {
      const mountpoint = fieldOf(document, 'Mountpoint')
      return isTextOrNothing(mountpoint) ? undefined : `Mountpoint is no text but ${JSON.stringify(mountpoint)}`
    }
    default:
      return undefined
  }
}

function volumeFault(volume: unknown): string | undefined {
  if (volume === null || volume === undefined) return undefined
  if (!isRecord(volume)) return `a volume is no object but ${JSON.stringify(volume)}`
  if (typeof fieldOf(volume, 'Name') !== 'string') return 'a volume has no Name'
  return isTextOrNothing(fieldOf(volume, 'Mountpoint')) ? undefined : 'the Mountpoint of a volume is no text'
}

/** A list of nothing is null to Go. */
function listFault(field: string, value: unknown, isItem: (item: unknown) => boolean): string | undefined {
  if (value === null || value === undefined) return undefined
  if (!Array.isArray(value)) return `${field} is no list but ${JSON.stringify(value)}`
  return value.every(isItem) ? undefined : `${field} has items of a wrong type`
}

function isTextOrNothing(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string'
}

function inShort(answer: Exchange): string {
  return `${answer.call}: ${outcomeOf(answer)}`
}
