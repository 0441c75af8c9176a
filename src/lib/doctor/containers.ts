import { join } from 'node:path'
import * as v from 'valibot'
import type { Deadline } from '../base/deadline.js'
import { AcsError } from '../base/errors.js'
import { printable } from '../volume/names.js'
import { podmanId } from '../volume/references.js'
import { connectLimitMs, type DoctorContext } from './context.js'
import { dockerGet, pluginCall } from './docker-api.js'
import type { Facts } from './facts.js'
import type { Finding } from './finding.js'
import { isThere, namesIn } from './folder.js'
import { installedPlugins } from './plugin-unit.js'
import { reach } from '../host/reach.js'
import type { KeptReferences } from './references.js'

/** A container that starts mounts first, and runs a while later. */
const startMs = 2 * 60_000

/** Older Podmans list containers without their mounts. */
const containersSchema = v.array(v.object({ Mounts: v.nullish(v.array(v.object({ Name: v.optional(v.string()) }))) }))

/** The plugin's references against what is mounted, and against the containers Docker has. */
export async function referenceFindings(context: DoctorContext, facts: Facts, deadline: Deadline): Promise<Finding[]> {
  const looked = await Promise.all(facts.references.kept.map((each) => judge(context, facts, each, deadline)))
  return [
    ...looked.flat(),
    ...facts.references.unreadable.map((path): Finding => ({
      id: 'reference',
      about: path,
      severity: 'problem',
      title: `${path} cannot be understood: the plugin does not know which containers use the volume`,
      evidence: [],
      cure: [`cat ${path}`, `rm ${path}   when no container uses the volume`],
    })),
  ]
}

async function judge(
  context: DoctorContext,
  { identity, mounts }: Facts,
  kept: KeptReferences,
  deadline: Deadline,
): Promise<Finding[]> {
  const { ids } = kept
  const name = printable(kept.name)
  // After a restart Docker mounts again under the same IDs; the holds say what is not used any more.
  if (kept.bootId !== identity.bootId || ids.length === 0) return []
  const used = `${ids.length} container mount${ids.length === 1 ? '' : 's'} since ${ids[0]?.at ?? ''}`
  const mounted = mounts.find(({ mountPoint }) => mountPoint === kept.mountPoint)
  if (!mounted)
    return [
      {
        id: 'reference',
        about: name,
        severity: 'problem',
        title: `${name} is not mounted here, and containers believe that it is`,
        evidence: [used, `nothing is mounted at ${printable(kept.mountPoint)}`],
        cure: [`docker ps --filter volume=${name}   and restart them`],
      },
    ]
  if (ids.some(({ id, at }) => id === podmanId || !(Date.now() - Date.parse(at) > startMs))) return []
  if (!(await isThere(context.dockerSocket)) || (await containersOf(context, kept.name, deadline)) > 0) return []
  // A container of somebody else than this Docker has a copy of the mount in its own namespace.
  if ((await context.host.mountedElsewhere(mounted.deviceNumber)).length > 0) return []
  return [
    {
      id: 'reference',
      about: name,
      severity: 'problem',
      title: `no container uses ${name} any more, and the plugin believes that ${ids.length} do: it stays attached here`,
      evidence: [used, `docker ps --filter volume=${name} shows none`],
      cure: ['acs doctor --fix'],
      fix: { words: `tell the plugin that nobody uses ${name}`, run: (limit) => drop(context, kept, limit) },
    },
  ]
}

/** Running containers, paused ones too. */
async function containersOf({ dockerSocket }: DoctorContext, volume: string, deadline: Deadline): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ volume: [volume] }))
  const answer = await dockerGet(dockerSocket, `/containers/json?filters=${filters}`, deadline.atMost(connectLimitMs))
  // The filter looks at mount points too.
  return v.parse(containersSchema, answer).filter(({ Mounts }) => !Mounts || Mounts.some(({ Name }) => Name === volume))
    .length
}

/** The calls that Docker owes: each takes one ID off, and the last one makes the plugin let go of the volume. */
async function drop(context: DoctorContext, kept: KeptReferences, deadline: Deadline): Promise<undefined> {
  if ((await containersOf(context, kept.name, deadline)) > 0)
    throw new AcsError('conflict', 'EACSCHANGED', `a container uses ${printable(kept.name)} again`)
  const socket = await pluginSocket(context, deadline)
  for (const { id } of kept.ids)
    await pluginCall(socket, 'VolumeDriver.Unmount', { Name: kept.name, ID: id }, deadline.atMost(60_000))
}

async function pluginSocket(context: DoctorContext, deadline: Deadline): Promise<string> {
  const installed = (await installedPlugins(context)).map(({ socketPath }) => socketPath)
  // A managed plugin's is in a folder of its id.
  const managed = (await namesIn(context.pluginFolder))
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((id) => join(context.pluginFolder, id, 'nutanix.sock'))
  for (const path of new Set([...installed, join(context.pluginFolder, 'nutanix.sock'), ...managed]))
    if ((await reach({ path }, deadline.atMost(connectLimitMs))) === undefined) return path
  throw new AcsError('not-found', 'EACSPLUGINDOWN', 'the plugin does not run', {
    hints: ['systemctl start acs-plugin.socket', 'Then again: acs doctor --fix'],
  })
}
