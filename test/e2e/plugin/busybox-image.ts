import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { outputOf } from './run-tool.js'

const applets = 'sh cat sleep ls echo dd sync sha256sum mkdir touch test true stat chown mount cp seq printf kill df'

/**
 * The archive of an image of one static program, without a registry: `docker import`, `podman import`. Its /data is empty; its
 * /seeded has a file, and like all of it an owner of its own.
 */
export async function busyboxArchive(folder: string): Promise<string> {
  const rootfs = join(folder, 'rootfs')
  const bin = join(rootfs, 'bin')
  await mkdir(bin, { recursive: true })
  await copyFile('/bin/busybox', join(bin, 'busybox'))
  for (const applet of applets.split(' ')) await symlink('busybox', join(bin, applet))
  await mkdir(join(rootfs, 'data'))
  await mkdir(join(rootfs, 'seeded'))
  await writeFile(join(rootfs, 'seeded', 'from-image'), 'seed\n')
  const archive = join(folder, 'rootfs.tar')
  await outputOf('tar', ['-C', rootfs, '--owner=4242', '-cf', archive, '.'])
  return archive
}
