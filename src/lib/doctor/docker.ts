import * as v from 'valibot'
import type { Deadline } from '../base/deadline.js'
import { isAcsError } from '../base/errors.js'
import { connectLimitMs, type DoctorContext } from './context.js'
import { dockerGet } from './docker-api.js'
import { ok, type Finding } from './finding.js'
import { isThere } from './folder.js'
import { isAtLeast, versionIn } from './versions.js'

/** Since then dockerd gives Create and Mount 120 s; before, every call had 10 s or none (docker-protocols.md A.3). */
const leastDocker = '18.03'

const versionSchema = v.object({ Version: v.string() })
const infoSchema = v.object({ LiveRestoreEnabled: v.optional(v.boolean()) })

/** dockerd's version and the setting that keeps containers over its restart. */
export async function dockerFindings(context: DoctorContext, deadline: Deadline): Promise<Finding[]> {
  const { dockerSocket, runner } = context
  if (!(await isThere(dockerSocket))) {
    const version = await installedVersion(runner, deadline)
    if (version === undefined) return [ok('docker', 'Docker is not installed')]
    return [
      {
        id: 'docker',
        severity: 'info',
        title: `dockerd ${version} does not run`,
        evidence: [`no ${dockerSocket}`],
        cure: ['systemctl start docker'],
      },
    ]
  }
  const limit = deadline.atMost(connectLimitMs)
  const [answer, info] = await Promise.all([
    dockerGet(dockerSocket, '/version', limit).then((value) => v.parse(versionSchema, value)),
    dockerGet(dockerSocket, '/info', limit).then((value) => v.parse(infoSchema, value)),
  ])
  return judgeDocker(answer.Version, info.LiveRestoreEnabled ?? false)
}

/** @param version as `GET /version` has it: `20.10.24+dfsg1`. */
export function judgeDocker(version: string, liveRestore: boolean): Finding[] {
  const docker: Finding = isAtLeast(version, leastDocker)
    ? ok('docker', `dockerd ${version}`)
    : {
        id: 'docker',
        severity: 'problem',
        title: `dockerd ${version} is too old: it does not wait for a volume to be attached`,
        evidence: [`needs ${leastDocker} or later`],
        cure: ['Update Docker'],
      }
  if (liveRestore) return [docker, ok('live-restore', 'containers outlive a restart of dockerd')]
  return [
    docker,
    {
      id: 'live-restore',
      severity: 'info',
      title: 'a restart of dockerd stops all containers, and unmounts their volumes',
      evidence: ['live-restore is off'],
      cure: ['In /etc/docker/daemon.json: "live-restore": true', 'systemctl reload docker'],
    },
  ]
}

async function installedVersion(runner: DoctorContext['runner'], deadline: Deadline): Promise<string | undefined> {
  try {
    const { stdout } = await runner.run('dockerd', ['--version'], { deadline, timeoutMs: 4_000 })
    return versionIn(stdout) ?? 'of unknown version'
  } catch (error) {
    if (isAcsError(error, 'EACSTOOLMISSING')) return undefined
    throw error
  }
}
