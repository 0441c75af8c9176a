import { Flags } from '@oclif/core'
import { AcsError } from '../../lib/base/errors.js'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { mutationFlags, nameArg, timeoutFlag } from '../../lib/cli/flags.js'
import { imageColumns } from '../../lib/cli/images.js'
import type { JsonRecord } from '../../lib/cli/output/columns.js'
import { parseEndpoint } from '../../lib/prism/endpoint.js'

export default class ImageCreate extends AcsCommand<JsonRecord, typeof ImageCreate> {
  static override summary = "Create an image from a URL, from a file of this machine, or from a machine's disk."
  static override description =
    'The cluster fetches images itself. A file is served to it by acs over plain HTTP for as long as that takes, ' +
    'under a secret path, so the cluster must be able to reach this machine.'
  static override examples = [
    '<%= config.bin %> image create debian-12 --url https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2',
    '<%= config.bin %> image create tools --file tools.iso --iso',
    '<%= config.bin %> image create golden --disk 7bbcef72-3498-44ef-8c5e-0fff0310febc',
  ]
  static override args = { name: nameArg('Name of the new image') }
  static override flags = {
    url: Flags.string({ summary: 'Where the cluster fetches it: http, https or nfs.', helpValue: 'URL' }),
    file: Flags.string({ summary: 'File of this machine.', helpValue: 'FILE' }),
    disk: Flags.string({ summary: "Clone a machine's disk.", helpValue: 'UUID' }),
    iso: Flags.boolean({ summary: 'An ISO image for CD-ROMs; otherwise a disk.' }),
    container: Flags.string({ char: 'c', summary: 'Storage container, by name or UUID.', env: 'ACS_CONTAINER' }),
    sha256: Flags.string({ summary: 'Refuse other content than that.', helpValue: 'HEX' }),
    'serve-on': Flags.string({
      summary: 'Address of this machine for the cluster to fetch a --file from; the one that leads there unless named.',
      helpValue: 'ADDRESS[:PORT]',
      dependsOn: ['file'],
    }),
    description: Flags.string({ summary: 'Text for people.' }),
    ...mutationFlags,
    timeout: timeoutFlag('1h'),
  }

  async run(): Promise<JsonRecord> {
    const { name } = this.args
    const { flags, deadline } = this
    const given = [flags.url, flags.file, flags.disk].filter((source) => source !== undefined)
    if (given.length !== 1)
      throw new AcsError('usage', 'EACSUSAGE', 'an image needs one of --url, --file and --disk', {
        hints: [`acs image create ${name} --file FILE`],
      })
    if (flags.sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(flags.sha256))
      throw new AcsError('usage', 'EACSUSAGE', '--sha256 takes 64 hexadecimal digits')
    if (flags.file !== undefined && !flags.wait)
      throw new AcsError(
        'usage',
        'EACSUSAGE',
        '--file cannot do with --no-wait: acs serves the file while it is fetched',
      )
    const [{ findContainer }, { createImage }] = await Promise.all([
      import('../../lib/volume/containers.js'),
      import('../../lib/vm/image.js'),
    ])
    const connection = await this.connection()
    const prism = await this.prism()
    const container =
      flags.disk === undefined
        ? await findContainer({ prism, deadline }, flags.container ?? connection.storageContainer)
        : undefined
    if (flags['dry-run']) return this.showPlan([`create the image "${name}"`])
    const { uuid, taskUuid } = await createImage(
      { prism, deadline },
      {
        name,
        description: flags.description,
        kind: flags.iso ? 'iso' : 'disk',
        url: flags.url,
        file: flags.file,
        diskUuid: flags.disk,
        storageContainerUuid: container?.uuid,
        sha256: flags.sha256?.toLowerCase(),
        serveOn: flags['serve-on'],
        endpoint: parseEndpoint(connection.endpoint),
        wait: flags.wait,
        onTask: this.onTask,
        onProgress: (text) => this.progress.update(text),
      },
    )
    this.progress.done()
    if (!flags.wait) {
      if (taskUuid !== undefined) this.print(taskUuid)
      this.say(`The cluster is creating it. Wait for it: acs task wait ${taskUuid ?? ''}`)
      return { uuid, taskUuid: taskUuid ?? null }
    }
    this.say(`Created image ${name}.`)
    const { findImage } = await import('../../lib/vm/find.js')
    return this.showOne(imageColumns, await findImage({ prism, deadline }, uuid))
  }
}
