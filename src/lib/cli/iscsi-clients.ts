import type { IscsiClient, VolumeGroup } from '../prism/prism.js'
import type { Columns } from './output/columns.js'

/** An initiator with the volume groups it is let into. */
export interface ClientWithGroups extends IscsiClient {
  groups: string[]
}

/** Columns of an iSCSI client, for every command that shows one. */
export const clientColumns: Columns<ClientWithGroups> = [
  { key: 'address', header: 'Initiator', value: (client) => client.clientAddress },
  { key: 'uuid', header: 'UUID', value: (client) => client.uuid },
  { key: 'chap', header: 'CHAP', value: (client) => client.chap },
  { key: 'groups', header: 'Volume groups', value: (client) => client.groups },
]

/** Which groups each client is let into: the cluster tells it from the groups' side only. */
export function clientsWithGroups(clients: readonly IscsiClient[], groups: readonly VolumeGroup[]): ClientWithGroups[] {
  return clients.map((client) => ({
    ...client,
    groups: groups
      .filter(({ attachments }) =>
        attachments.some(
          ({ clientUuid, initiatorName, initiatorAddress }) =>
            clientUuid === client.uuid ||
            initiatorName === client.clientAddress ||
            initiatorAddress === client.clientAddress,
        ),
      )
      .map(({ name }) => name),
  }))
}
