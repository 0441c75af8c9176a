import type { CallOptions, IscsiClient } from '../prism.js'
import type { PrismHttp } from '../http.js'
import { listAll } from './collection.js'
import { iscsiClientSchema } from './schema.js'

/** Initiators are objects of the cluster, one per address, shared by all volume groups (recorded). */
export async function listIscsiClients(http: PrismHttp, options: CallOptions = {}): Promise<IscsiClient[]> {
  const entities = await listAll(http, iscsiClientSchema, '/iscsi_clients/', {
    deadline: options.deadline,
    doing: 'listing iSCSI clients',
  })
  return entities.map((entity) => ({
    uuid: entity.uuid,
    clientAddress: entity.client_address ?? '',
    chap: usesChap(entity.enabled_authentications),
  }))
}

export function usesChap(authentications: readonly { auth_type?: string | null }[] | null | undefined): boolean {
  return (authentications ?? []).some(({ auth_type }) => auth_type === 'chap')
}
