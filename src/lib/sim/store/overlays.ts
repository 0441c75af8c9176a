import { link, rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { deadlineIn } from '../../base/deadline.js'
import { copySparse } from './sparse-copy.js'

const withinMs = 3_600_000

/** The two files of an overlay: qcow2 with what differs, and a link to the raw file it differs from. */
export interface OverlayFiles {
  overlay: string
  base: string
}

/**
 * Makes a disk that reads as `image`, a raw file which nobody changes any more, and keeps what is written to it. The link is
 * the overlay's own: the image may be deleted, its content stays as long as one overlay needs it. Needs qemu-img.
 */
export async function makeOverlay(image: string, { overlay, base }: OverlayFiles, sizeBytes: number): Promise<void> {
  await rm(overlay, { force: true })
  await rm(base, { force: true })
  await link(image, base)
  // A name without folder is looked for beside the overlay: the data folder may move.
  await qemuImg('create', '-q', '-f', 'qcow2', '-b', basename(base), '-F', 'raw', overlay, String(sizeBytes))
}

/** Another one like `source`, which must stand still meanwhile. */
export async function copyOverlay(source: OverlayFiles, target: OverlayFiles, sizeBytes: number): Promise<void> {
  await rm(target.overlay, { force: true })
  await rm(target.base, { force: true })
  await link(source.base, target.base)
  await copySparse(source.overlay, target.overlay)
  // Without looking into them: both bases are the same file.
  await qemuImg('rebase', '-q', '-u', '-b', basename(target.base), '-F', 'raw', '-f', 'qcow2', target.overlay)
  await growOverlay(target.overlay, sizeBytes)
}

/** The whole content as a raw file, for whoever cannot read qcow2. */
export async function flattenOverlay(source: OverlayFiles, target: string): Promise<void> {
  // A machine may have it open; it stands still.
  await qemuImg('convert', '--force-share', '-q', '-f', 'qcow2', '-O', 'raw', source.overlay, target)
}

/** One that is as large already stays. */
export async function growOverlay(overlay: string, sizeBytes: number): Promise<void> {
  const { stdout } = await qemuImg('info', '--force-share', '--output=json', overlay)
  const info: unknown = JSON.parse(stdout)
  const size = typeof info === 'object' && info && 'virtual-size' in info ? Number(info['virtual-size']) : 0
  if (size < sizeBytes) await qemuImg('resize', '-q', '-f', 'qcow2', overlay, String(sizeBytes))
}

async function qemuImg(...argv: string[]): Promise<{ stdout: string }> {
  const { createRunner } = await import('../../host/exec.js')
  return createRunner().run('qemu-img', argv, { deadline: deadlineIn(withinMs), timeoutMs: withinMs })
}
