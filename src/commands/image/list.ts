import { AcsCommand } from '../../lib/cli/base-command.js'
import { listFlags } from '../../lib/cli/flags.js'
import { imageColumns } from '../../lib/cli/images.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class ImageList extends AcsCommand<JsonRecord[], typeof ImageList> {
  static override summary = 'List disk and ISO images.'
  static override examples = ['<%= config.bin %> image list', '<%= config.bin %> image list --filter kind=iso -q']
  static override flags = { ...listFlags }

  async run(): Promise<JsonRecord[]> {
    const prism = await this.prism()
    return this.showList(imageColumns, await prism.images({ deadline: this.deadline }), 'No images.')
  }
}
