import { AcsError } from '../../base/errors.js'
import { stepsOf, warningsOf, whatHappens } from './advice.js'
import { assess, type DvpVolume } from './assess.js'
import type { OldPlugin } from './old-plugin.js'
import { survey, type SurveyOptions } from './survey.js'

export interface DvpReport {
  oldPlugin?: OldPlugin
  dockerReachable: boolean
  volumes: (DvpVolume & { what: string })[]
  warnings: string[]
  /** In order; commands, or what to do by hand. */
  steps: string[]
}

/**
 * What taking over from Nutanix's old volume plugin means, for the volumes named or all. Reads the cluster and Docker, and
 * changes nothing. Throws EACSNOTFOUND for a name that is neither there.
 */
export async function reportDvp(options: SurveyOptions & { only?: readonly string[] }): Promise<DvpReport> {
  const seen = await survey(options)
  const all = assess(seen)
  const { only = [] } = options
  const unknown = only.filter((name) => !all.some((volume) => volume.name === name))
  if (unknown.length > 0)
    throw new AcsError(
      'not-found',
      'EACSNOTFOUND',
      `neither the old plugin nor the cluster knows ${unknown.join(', ')}`,
      {
        hints: ['See all: acs migrate dvp --dry-run'],
        details: { unknown },
      },
    )
  const volumes = only.length > 0 ? all.filter(({ name }) => only.includes(name)) : all
  const { docker } = seen
  return {
    ...(docker.reachable && docker.oldPlugin ? { oldPlugin: docker.oldPlugin } : {}),
    dockerReachable: docker.reachable,
    volumes: volumes.map((volume) => ({ ...volume, what: whatHappens(volume) })),
    warnings: warningsOf(seen, volumes),
    steps: stepsOf(seen, volumes, options.driver),
  }
}

/**
 * Volumes that may be marked as acs's now: nobody has them attached, and containers here use them, or they were named. That
 * Docker lists them is no reason: the old plugin showed every group of the cluster, Kubernetes' too.
 */
export function markable(
  report: Pick<DvpReport, 'volumes'>,
  request: { only?: readonly string[]; all?: boolean },
): DvpReport['volumes'] {
  const { only = [], all = false } = request
  return report.volumes.filter(({ state, inDocker, name, containers }) => {
    const meant = containers.length > 0 || only.includes(name) || all
    return state === 'ready' && meant && (inDocker || only.includes(name))
  })
}
