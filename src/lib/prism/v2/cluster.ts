import type { CallOptions, Cluster } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { clusterSchema, understand } from './schema.js'

export async function getCluster(http: PrismHttp, options: CallOptions = {}): Promise<Cluster> {
  const { body } = await http.request({ method: 'GET', path: '/cluster/', doing: 'reading the cluster', ...options })
  const entity = understand(clusterSchema, body, 'the cluster')
  return {
    uuid: entity.uuid ?? entity.cluster_uuid ?? '',
    name: entity.name ?? '',
    version: entity.version ?? '',
    nodeCount: entity.num_nodes ?? 0,
    dataServicesAddress: entity.cluster_external_data_services_ipaddress || undefined,
    externalAddress: entity.cluster_external_ipaddress || undefined,
    timezone: entity.timezone || undefined,
  }
}
