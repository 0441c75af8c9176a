import { toCamel } from '../fields.js'
import { routesOf, type Route } from '../routes.js'
import { networkDto } from '../v2/networks.js'
import { oldCollection } from './collection.js'

const route = routesOf('v0.8')

/** Where the first docker-machine driver found the network of a name. */
export const oldNetworkRoutes: readonly Route[] = [
  route('GET', '/networks', ({ cluster }) => ({
    body: toCamel(oldCollection(cluster.networks.list().map((network) => networkDto(cluster, network)))),
  })),
]
