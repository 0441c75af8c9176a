import { Complaint, type Check } from '../check.js'
import { documentOf, fieldOf, outcomeOf, succeeded, type Exchange } from '../exchange.js'
import { expectSuccess } from '../judge.js'
import { sources } from './sources.js'

export const activateChecks: readonly Check[] = [
  {
    id: 'activate.implements',
    title: 'Activate with an empty body answers that the plugin implements VolumeDriver',
    severity: 'must',
    why: 'Without it neither Docker nor Podman takes the socket for a volume plugin.',
    source: `${sources.activate}; ${sources.podman} validatePlugin`,
    async run(client) {
      const answer = expectSuccess(await client.activate(), 'Activate')
      const implemented = fieldOf(documentOf(answer), 'Implements')
      if (!Array.isArray(implemented) || !implemented.includes('VolumeDriver'))
        throw new Complaint(
          `Activate implements ${implemented === undefined ? 'nothing' : JSON.stringify(implemented)}`,
          answer,
        )
    },
  },
  {
    id: 'activate.repeated',
    title: 'Activate gives the same answer every time',
    severity: 'must',
    why: 'Every run of podman and every start of dockerd activates the plugin anew.',
    source: `${sources.podman} validatePlugin`,
    needs: ['activate.implements'],
    async run(client) {
      const first = expectSuccess(await client.activate(), 'Activate')
      const second = expectSuccess(await client.activate(), 'a second Activate')
      if (implementsOf(first) !== implementsOf(second))
        throw new Complaint('a second Activate implements something else', second)
    },
  },
  {
    id: 'capabilities.scope',
    title: 'Capabilities tells the scope local or global',
    severity: 'should',
    why: 'dockerd warns and takes anything else for local; an error it asks again at every turn.',
    source: `${sources.adapter} getCapabilities`,
    async run(client) {
      const answer = await client.capabilities()
      if (answer.status === 404) return 'no such call, so Docker takes the scope for local'
      if (!succeeded(answer)) throw new Complaint(`Capabilities failed: ${outcomeOf(answer)}`, answer)
      const scope = fieldOf(fieldOf(documentOf(answer), 'Capabilities'), 'Scope')
      if (typeof scope !== 'string' || !/^(local|global)$/i.test(scope))
        throw new Complaint(`the scope is ${scope === undefined ? 'missing' : JSON.stringify(scope)}`, answer)
      return scope.toLowerCase()
    },
  },
]

function implementsOf(answer: Exchange): string {
  return JSON.stringify(fieldOf(documentOf(answer), 'Implements'))
}
