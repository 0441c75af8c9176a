import { AcsCommand } from '../../lib/cli/base-command.js'
import { nameArg } from '../../lib/cli/flags.js'
import { imageColumns } from '../../lib/cli/images.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class ImageShow extends AcsCommand<JsonRecord, typeof ImageShow> {
  static override summary = 'Show an image.'
  static override examples = ['<%= config.bin %> image show debian-12']
  static override args = { image: nameArg('Name or UUID of the image') }

  async run(): Promise<JsonRecord> {
    const { findImage } = await import('../../lib/vm/find.js')
    const prism = await this.prism()
    const { deadline } = this
    return this.showOne(imageColumns, await findImage({ prism, deadline }, this.args.image))
  }
}
