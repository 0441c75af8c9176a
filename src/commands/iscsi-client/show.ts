import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg } from '../../lib/cli/flags.js'
import { clientColumns, clientsWithGroups } from '../../lib/cli/iscsi-clients.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { pick } from '../../lib/vm/pick.js'

export default class IscsiClientShow extends AcsCommand<JsonRecord, typeof IscsiClientShow> {
  static override summary = 'Show an iSCSI initiator and the volume groups it is let into.'
  static override examples = ['<%= config.bin %> iscsi-client show iqn.1994-05.com.redhat:web1']
  static override args = { client: nameArg('IQN, IP address or UUID of the initiator') }

  async run(): Promise<JsonRecord> {
    const prism = await this.prism()
    const { deadline } = this
    const [clients, groups] = await Promise.all([prism.iscsiClients({ deadline }), prism.volumeGroups({ deadline })])
    const named = clientsWithGroups(clients, groups).map((client) => ({ ...client, name: client.clientAddress }))
    return this.showOne(
      clientColumns,
      pick({ what: 'iSCSI client', listCommand: 'acs iscsi-client list' }, named, this.args.client),
    )
  }
}
