import * as v from 'valibot'
import type { Deadline } from '../base/deadline.js'
import { printable } from '../base/printable.js'
import { connectLimitMs, type DoctorContext } from './context.js'
import { dockerGet } from './docker-api.js'
import { ok, type Finding } from './finding.js'
import { isThere } from './folder.js'

/** acs as a managed plugin of Docker's: dockerd starts it, no unit does. */
export interface ManagedPlugin {
  /** `nutanix:latest` */
  name: string
  enabled: boolean
}

const pluginsSchema = v.array(
  v.object({
    Name: v.string(),
    Enabled: v.boolean(),
    Settings: v.object({ Env: v.nullish(v.array(v.string()), []) }),
  }),
)

/** Those of acs, by the setting that only they have; none where Docker does not answer, which is another finding. */
export async function managedPlugins(
  { dockerSocket }: Pick<DoctorContext, 'dockerSocket'>,
  deadline: Deadline,
): Promise<ManagedPlugin[]> {
  if (!(await isThere(dockerSocket))) return []
  const answer = await dockerGet(dockerSocket, '/plugins', deadline.atMost(connectLimitMs)).catch(() => [])
  const plugins = v.safeParse(pluginsSchema, answer)
  if (!plugins.success) return []
  return plugins.output
    .filter(({ Settings }) => Settings.Env.some((setting) => setting.startsWith('ACS_PLUGIN_FOLDER=')))
    .map(({ Name, Enabled }) => ({ name: Name, enabled: Enabled }))
}

/** @param units of systemd that the plugin has here as well. */
export function judgeManaged({ name, enabled }: ManagedPlugin, units: readonly string[]): Finding {
  const shown = printable(name)
  const about = { id: 'plugin-unit', about: shown } as const
  if (!enabled)
    return {
      ...about,
      severity: 'problem',
      title: `the managed plugin ${shown} is disabled: every call for its volumes fails, whatever else has that name`,
      evidence: ['docker plugin ls'],
      cure: [`docker plugin enable --timeout 0 ${shown}`, `docker plugin rm ${shown}   to use another one`],
    }
  if (units.length > 0)
    return {
      ...about,
      severity: 'warning',
      title: `the volume plugin is here twice, as the managed plugin ${shown} and as a service: they share one state`,
      evidence: [`docker plugin ls: ${shown}`, ...units],
      cure: [`acs plugin uninstall`, `docker plugin disable ${shown}   and docker plugin rm, to keep the service`],
    }
  return ok('plugin-unit', `the volume plugin is the managed plugin ${shown}, enabled`)
}
