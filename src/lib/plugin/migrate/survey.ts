import type { Deadline } from '../../base/deadline.js'
import { isAcsError } from '../../base/errors.js'
import type { Prism, VolumeGroup } from '../../prism/prism.js'
import type { DockerApi, DockerInventory, DockerMount, DockerVolume } from '../docker-api.js'
import { findOldPlugin, oldDriverNames, withoutLatest, type OldPlugin } from './old-plugin.js'

/** Everything a migration is judged by: the cluster's groups, and what Docker on this host says. */
export interface Survey {
  groups: VolumeGroup[]
  /** IQNs of this host: the old plugin used open-iscsi's. */
  initiatorNames: readonly string[]
  docker: DockerSurvey
}

export type DockerSurvey =
  | {
      reachable: true
      oldPlugin?: OldPlugin
      /** All volumes, of any driver. */
      volumes: DockerVolume[]
      /** Driver names of the old plugin's volumes. */
      driverNames: string[]
      /** Mounts of the old plugin's volumes. */
      mounts: DockerMount[]
    }
  | { reachable: false; why: string }

export interface SurveyOptions {
  prism: Prism
  docker: Pick<DockerApi, 'mountsOfDriver'> & DockerInventory
  /** The old plugin's alias, for when it is gone already. */
  driver: string
  initiatorNames: readonly string[]
  deadline: Deadline
}

/** Looks; changes nothing. Without Docker the cluster alone is told of. */
export async function survey(options: SurveyOptions): Promise<Survey> {
  const [groups, docker] = await Promise.all([
    options.prism.volumeGroups({ deadline: options.deadline }),
    surveyDocker(options),
  ])
  return { groups, docker, initiatorNames: options.initiatorNames }
}

async function surveyDocker({ docker, driver, deadline }: SurveyOptions): Promise<DockerSurvey> {
  try {
    const [plugins, volumes] = await Promise.all([docker.plugins(deadline), docker.volumes(deadline)])
    const oldPlugin = findOldPlugin(plugins)
    const driverNames = oldDriverNames(driver, oldPlugin)
    const bare = [...new Set(driverNames.map(withoutLatest))]
    const mounts = (await Promise.all(bare.map((name) => docker.mountsOfDriver(name, deadline)))).flat()
    return { reachable: true, ...(oldPlugin ? { oldPlugin } : {}), volumes, driverNames, mounts }
  } catch (error) {
    if (!isAcsError(error) || error.kind === 'interrupted') throw error
    return { reachable: false, why: error.message }
  }
}
