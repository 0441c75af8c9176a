import type { Deadline } from '../base/deadline.js'
import type { DockerApi, DockerInventory } from './docker-api.js'

/** What this asks of Docker. */
type Introducing = Pick<DockerApi, 'swarmNode'> & Pick<DockerInventory, 'volumes'>

/**
 * Makes dockerd know the driver where Swarm needs that. Swarm gives tasks with a volume only to nodes whose dockerd has used the
 * volume's driver ("missing plugin on 1 node" else), and a driver with a socket is used first when somebody names it. A spare node
 * would never take over from another. To list its volumes, dockerd uses every plugin that there is.
 *
 * Never within a call of Docker's: the list asks this plugin, too. Resolves to whether Docker had to be told.
 */
export async function introduceToSwarm(docker: Introducing, driver: string, deadline: Deadline): Promise<boolean> {
  const { active, volumeDrivers } = await docker.swarmNode(deadline)
  if (!active || volumeDrivers.includes(driver)) return false
  await docker.volumes(deadline)
  return true
}
