import type { SimulatedCluster } from '../../simulated-cluster.js'
import type { ContainerRecord } from '../../store/records.js'
import { camelCase } from '../fields.js'
import type { Reply, Request, Route } from '../routes.js'
import { containerDto, pageOfContainers } from '../v2/storage-containers.js'

/** What the old plugin asked when it was enabled, to check its default container. */
export const oldContainerRoutes: readonly Route[] = [
  { api: 'v1', method: 'GET', path: '/containers', answer: listContainers },
  {
    api: 'v1',
    method: 'GET',
    path: '/containers/{id}',
    answer: ({ cluster, parameters }) => ({
      body: oldContainerDto(cluster, cluster.containers.require(parameters.id ?? '', cluster.behaviour.unknownStatus)),
    }),
  },
]

/** v2's container in camelCase, under its old UUID field; keys inside maps stay as they are. */
function oldContainerDto(cluster: SimulatedCluster, container: ContainerRecord): object {
  const { storage_container_uuid: uuid, ...rest } = containerDto(cluster, container)
  const fields = Object.entries(rest).map(([key, value]): [string, unknown] => [oldNames[key] ?? camelCase(key), value])
  return { ...Object.fromEntries(fields), containerUuid: uuid }
}

const oldNames: Readonly<Record<string, string>> = { prefer_higher_ecfault_domain: 'preferHigherECFaultDomain' }

function listContainers(request: Request): Reply {
  const { items, metadata } = pageOfContainers(request)
  const camel = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [camelCase(key), value]))
  return { body: { metadata: camel, entities: items.map((container) => oldContainerDto(request.cluster, container)) } }
}
