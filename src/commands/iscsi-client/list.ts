import { AcsCommand } from '../../lib/cli/base-command.js'
import { listFlags } from '../../lib/cli/flags.js'
import { clientColumns, clientsWithGroups } from '../../lib/cli/iscsi-clients.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class IscsiClientList extends AcsCommand<JsonRecord[], typeof IscsiClientList> {
  static override summary = 'List the iSCSI initiators that the cluster knows, and the volume groups each is let into.'
  static override examples = [
    '<%= config.bin %> iscsi-client list',
    '<%= config.bin %> iscsi-client list --filter chap=false',
  ]
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const prism = await this.prism()
    const { deadline } = this
    const [clients, groups] = await Promise.all([prism.iscsiClients({ deadline }), prism.volumeGroups({ deadline })])
    return this.showList(clientColumns, clientsWithGroups(clients, groups), 'No iSCSI clients.')
  }
}
