import { printable } from '../../base/printable.js'
import { isActive, type DockerContainer } from '../docker-api.js'
import type { DvpVolume } from './assess.js'
import { serviceAnswers, withoutLatest, type OldPlugin } from './old-plugin.js'
import type { Survey } from './survey.js'

/** What becomes of a volume, in one sentence. */
export function whatHappens(volume: DvpVolume): string {
  const others = volume.attachedTo.join(', ')
  switch (volume.state) {
    case 'ready':
      return volume.containers.length > 0
        ? 'taken up as it is: its filesystem shows at the first mount, nothing is ever formatted'
        : 'no container here uses it; as it is, should one ever name it'
    case 'managed':
      return 'acs manages it already'
    case 'here':
      return 'attached by the old plugin on this host: taken up when its containers have ended and the plugin let go'
    case 'elsewhere':
      return `held by ${others}: acs does not mount it here before that host lets go; migrate that host too`
    case 'vm':
      return `attached to ${others}: detach it in Prism first`
    case 'missing':
      return 'Docker remembers it, the cluster has no group of that name: its containers cannot start, with any plugin'
    case 'ambiguous':
      return 'several groups have this name: rename all but one in Prism, as Docker knows volumes by name only'
    case 'taken':
      return 'Docker has a volume of this name with another driver: rename the group in Prism to use it'
    case 'no-disk':
      return 'the group has no disk 0: nothing to mount'
  }
}

/** What the administrator should know before anything else. */
export function warningsOf({ docker }: Survey, volumes: readonly DvpVolume[]): string[] {
  const warnings: string[] = []
  if (!docker.reachable)
    warnings.push(`${docker.why}. Without Docker the old plugin's volumes cannot be told from other groups`)
  else if (docker.oldPlugin?.passwordShown)
    warnings.push(
      `the password of ${docker.oldPlugin.settings.PRISM_USERNAME ?? 'its user'} can be read by everyone who may run "docker plugin inspect ${docker.oldPlugin.name}", and stays in Docker's files and backups: change it on the cluster`,
    )
  for (const { name, attachedTo } of volumes)
    if (attachedTo.length > 1)
      warnings.push(
        `${attachedTo.length} hosts are allowed to write to "${name}" (${attachedTo.join(', ')}), as the old plugin does not keep them apart: its filesystem may be damaged`,
      )
  return warnings
}

/** The way from the old plugin to acs, in order, as commands and what to look at. */
export function stepsOf({ docker }: Survey, volumes: readonly DvpVolume[], driver: string): string[] {
  const oldPlugin = docker.reachable ? docker.oldPlugin : undefined
  const name = withoutLatest(oldPlugin?.name ?? driver)
  const moving = volumes.filter(({ inDocker, state }) => inDocker && state !== 'managed')
  const containers = activeContainers(moving)
  const services = [...new Set(containers.flatMap((container) => swarmService(container) ?? []))]
  const alone = containers.filter((container) => swarmService(container) === undefined).map(({ name }) => name)
  const known = docker.reachable ? docker.volumes.filter(({ driver: each }) => docker.driverNames.includes(each)) : []
  return [
    ...(services.length > 0 ? [`docker service scale ${services.map((service) => `${service}=0`).join(' ')}`] : []),
    ...(alone.length > 0 ? [`docker stop ${alone.join(' ')}`] : []),
    ...(moving.some(({ state }) => state === 'here')
      ? [
          'acs migrate dvp --dry-run until nothing is attached to this host; what the old plugin forgot: acs volume detach NAME --initiator IQN',
        ]
      : []),
    ...(oldPlugin
      ? [
          `docker plugin disable -f ${name}`,
          `docker plugin rm -f ${name} (the volumes stay on the cluster, and Docker keeps their names)`,
        ]
      : []),
    'put the password, a new one, in /etc/acs/password (mode 0600, root)',
    ...(serviceAnswers(name, known) ? installService(name, oldPlugin) : installManaged(name, oldPlugin)),
    'acs migrate dvp (marks the volumes as managed by acs: listed, and into the trash at docker volume rm)',
    ...(alone.length > 0 ? [`docker start ${alone.join(' ')}`] : []),
    ...services.map((service) => `docker service scale ${service}=N, as many as before`),
  ].map(printable)
}

/** A container keeps its volumes' driver by name, `nutanix:latest`; the service answers to that too (seen with dockerd 20.10). */
function installService(name: string, oldPlugin: OldPlugin | undefined): string[] {
  const container = oldPlugin?.settings.DEFAULT_CONTAINER
  return [
    `acs plugin install --name ${name}`,
    ...(container === undefined
      ? []
      : [`in /etc/acs/plugin.yaml, for new volumes: defaults: { container: ${JSON.stringify(container)} }`]),
  ]
}

function installManaged(name: string, oldPlugin: OldPlugin | undefined): string[] {
  const settings = Object.entries(oldPlugin?.settings ?? {}).map(([key, value]) => `${key}=${value}`)
  const values = settings.length > 0 ? settings.join(' ') : 'PRISM_IP=HOST PRISM_USERNAME=USER'
  return [
    `npm run package:plugin, then: docker plugin create ${name} tmp/plugin`,
    `docker plugin set ${name} ${values} ACS_FINGERPRINT=AA:BB:... (acs context add shows it)`,
    `docker plugin enable --timeout 0 ${name}`,
  ]
}

function activeContainers(volumes: readonly DvpVolume[]): DockerContainer[] {
  const all = volumes.flatMap(({ containers }) => containers).filter(isActive)
  return [...new Map(all.map((container) => [container.id, container])).values()]
}

/** `web` of a task's container `web.1.` and 25 characters; stopping that alone only makes Swarm start another. */
function swarmService({ name }: DockerContainer): string | undefined {
  return /^(.+)\.[0-9a-z]+\.[0-9a-z]{25}$/.exec(name)?.[1]
}
