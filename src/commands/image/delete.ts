import { AcsCommand } from '../../lib/cli/base-command.js'
import { destructiveFlags, mutationFlags, nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'

export default class ImageDelete extends AcsCommand<JsonRecord, typeof ImageDelete> {
  static override summary = 'Delete an image; machines made of it keep their disks.'
  static override examples = [
    '<%= config.bin %> image delete debian-11',
    '<%= config.bin %> image delete debian-11 --confirm debian-11',
  ]
  static override args = { image: nameArg('Name or UUID of the image') }
  static override flags = { ...destructiveFlags, ...mutationFlags, timeout: timeoutFlag('5m') }

  async run(): Promise<JsonRecord> {
    const { findImage } = await import('../../lib/vm/find.js')
    const prism = await this.prism()
    const { deadline } = this
    const image = await findImage({ prism, deadline }, this.args.image)
    const { name, uuid } = image
    if (this.flags['dry-run']) return this.showPlan([`delete the image "${name}"`])
    await this.prompt.typeBack(name, `This deletes the image "${name}", for good.`)
    const options = { deadline, wait: this.flags.wait, onTask: this.onTask }
    const { taskUuid } = await prism.deleteImage(image, options)
    this.progress.done()
    this.say(this.flags.wait ? `Deleted image ${name}.` : `The cluster deletes it: acs task wait ${taskUuid ?? ''}`)
    if (this.flags.output === 'name') this.print(name)
    return { name, uuid, taskUuid: taskUuid ?? null }
  }
}
