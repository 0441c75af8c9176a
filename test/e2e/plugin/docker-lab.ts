import { requirement } from '../../requirements.js'
import { dockerDaemon, type DockerDaemon, type DockerDaemonOptions } from './docker-daemon.js'
import { startServedPlugin, type ServedPlugin, type ServedPluginOptions } from './served-plugin.js'

/** A Docker daemon of its own, a simulated cluster, and acs's plugin between them. */
export interface DockerLab extends ServedPlugin, Pick<DockerDaemon, 'docker' | 'ok'> {
  /** Name of the image with busybox in it. */
  image: string
  /** Path of Docker's API. */
  dockerSocket: string
  startDaemon: DockerDaemon['start']
  stopDaemon: DockerDaemon['stop']
  /** What the running plugin and all daemons so far have logged. */
  logs: () => string
}

export function canRunDocker(suite: string, tools: readonly string[] = []): boolean {
  return requirement(suite, [
    'root',
    'fuse',
    'loop',
    ...['qemu-storage-daemon', 'mkfs.ext4', 'dockerd', 'docker', 'busybox', ...tools].map((tool) => ({ tool })),
  ])
}

export async function startDockerLab(options: ServedPluginOptions & DockerDaemonOptions = {}): Promise<DockerLab> {
  const served = await startServedPlugin(options)
  const daemon = dockerDaemon(served.folder, options)
  await daemon.start()
  return {
    ...served,
    docker: daemon.docker,
    ok: daemon.ok,
    image: await daemon.importImage(),
    dockerSocket: daemon.socket,
    startDaemon: daemon.start,
    stopDaemon: daemon.stop,
    logs: () => `${served.plugin().told()}${daemon.log()}`,
    async close() {
      await daemon.close()
      await served.close()
    },
  }
}
