import type { Deadline } from '../base/deadline.js'
import { AcsError } from '../base/errors.js'
import type { CallOptions, ImageSpec, PrismMachines, TaskReference } from '../prism/prism.js'
import { serveFile } from './serve-file.js'

export interface CreateImage {
  name: string
  description?: string | undefined
  kind: 'disk' | 'iso'
  /** One of these three. */
  url?: string | undefined
  file?: string | undefined
  diskUuid?: string | undefined
  /** For a URL or a file. */
  storageContainerUuid?: string | undefined
  sha256?: string | undefined
  /** `ADDRESS[:PORT]` of this machine for the cluster. */
  serveOn?: string | undefined
  /** Of Prism: the way to the cluster is where a file is served. */
  endpoint: { host: string; port: number }
  wait: boolean
  onTask?: CallOptions['onTask']
  /** How much of a file the cluster has fetched. */
  onProgress?: (text: string) => void
}

/**
 * Makes an image. A file is served to the cluster over HTTP meanwhile: uploading one through Prism is in no specification.
 * Throws EACSIMAGEURL (usage), EACSFILE, EACSSERVE, EACSTASKFAILED.
 */
export async function createImage(
  context: { prism: Pick<PrismMachines, 'createImage'>; deadline: Deadline },
  request: CreateImage,
): Promise<TaskReference & { uuid: string }> {
  const { prism, deadline } = context
  const { name, description, kind, wait, onTask } = request
  const create = (source: ImageSpec['source']): Promise<TaskReference & { uuid: string }> =>
    prism.createImage(
      { name, kind, source, ...(description === undefined ? {} : { description }) },
      { deadline, wait, ...(onTask ? { onTask } : {}) },
    )
  if (request.diskUuid !== undefined) return create({ diskUuid: request.diskUuid })
  const { storageContainerUuid = '', sha256, file } = request
  const fetched = (url: string): ImageSpec['source'] => ({
    url,
    storageContainerUuid,
    ...(sha256 === undefined ? {} : { sha256 }),
  })
  if (file === undefined) return create(fetched(checkImageUrl(request.url ?? '')))
  const served = await serveFile(file, {
    towards: request.endpoint,
    ...(request.serveOn === undefined ? {} : { on: request.serveOn }),
    ...(request.onProgress ? { onProgress: request.onProgress } : {}),
  })
  try {
    return await create(fetched(served.url))
  } catch (error) {
    throw served.wasAsked() ? error : neverAsked(error, served.url)
  } finally {
    await served.close()
  }
}

/** Throws EACSIMAGEURL for a URL that no cluster can fetch. */
export function checkImageUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && ['http:', 'https:', 'nfs:'].includes(url.protocol) && url.hostname !== '') return text
  throw new AcsError('usage', 'EACSIMAGEURL', `"${text}" is no URL a cluster can fetch an image from`, {
    hints: ['It takes http://, https:// and nfs://', 'A file of this machine: --file FILE'],
  })
}

function neverAsked(error: unknown, url: string): unknown {
  if (!(error instanceof AcsError)) return error
  return new AcsError(error.kind, error.code, error.message, {
    cause: error,
    details: error.details,
    hints: [
      `The cluster never asked for the file at ${new URL(url).host}: is there a firewall between? --serve-on ADDRESS[:PORT]`,
      ...error.hints,
    ],
  })
}
