import * as v from 'valibot'
import type { Deadline } from '../base/deadline.js'
import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import { askLocal } from '../base/local-http.js'
import { printable } from '../base/printable.js'
import { managedName } from './managed-name.js'

/**
 * What acs asks Docker, over the socket of its API; Podman's compatible one will do. Reads only.
 *
 * Never wait for it inside one of Docker's calls to the plugin: dockerd holds locks meanwhile that its API needs
 * too, and both wait for each other until Docker's time limit (vDVS #366). Ask before, after, or from the other
 * hosts' side: a peer's question, reconciliation, `acs plugin status`.
 */
export interface DockerApi {
  /** Containers that have the volume, running or not. */
  containersUsing(volumeName: string, deadline: Deadline): Promise<DockerContainer[]>
  /** Every mount of a volume of that driver; a managed plugin's is known as `name:latest` too. */
  mountsOfDriver(driverName: string, deadline: Deadline): Promise<DockerMount[]>
  /** Whether this host is a node of a Swarm, and which volume drivers its Docker has used so far. */
  swarmNode(deadline: Deadline): Promise<{ active: boolean; volumeDrivers: string[] }>
  /** Every mount of a named volume, whatever its driver. */
  volumeMounts(deadline: Deadline): Promise<DockerMount[]>
  version(deadline: Deadline): Promise<{ version: string; apiVersion: string; engine: 'docker' | 'podman' }>
}

/** What else a migration looks at. The daemon asks all its plugins meanwhile, the dead ones for 15 s each. */
export interface DockerInventory {
  volumes(deadline: Deadline): Promise<DockerVolume[]>
  /** Managed plugins. */
  plugins(deadline: Deadline): Promise<DockerPlugin[]>
}

export interface DockerVolume {
  name: string
  /** `nutanix:latest` for a managed plugin of that name. */
  driver: string
}

export interface DockerPlugin {
  name: string
  enabled: boolean
  /** Where it was pulled from; absent for one that was made here. */
  image?: string
  /** Values of its environment; of one that looks like a secret only whether it is set: `***`. */
  settings: Readonly<Record<string, string>>
}

export interface DockerContainer {
  /** 64 hexadecimal digits. */
  id: string
  /** Without the slash. */
  name: string
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`; Podman has some more. */
  state: string
}

/** Whether the container may have its volumes mounted: one that ended, or never began, has not. */
export function isActive({ state }: DockerContainer): boolean {
  return !['created', 'configured', 'exited', 'stopped', 'dead'].includes(state)
}

export interface DockerMount {
  container: DockerContainer
  volumeName: string
  driver: string
}

const mountSchema = v.object({
  Type: v.optional(v.string()),
  Name: v.optional(v.string()),
  Driver: v.optional(v.string()),
})

const containerSchema = v.object({
  Id: v.string(),
  Names: v.nullish(v.array(v.string()), []),
  State: v.nullish(v.string(), 'unknown'),
  // null with older Podmans, which list containers without their mounts.
  Mounts: v.nullable(v.array(mountSchema)),
})

const listSchema = v.array(containerSchema)
const detailSchema = v.object({ Mounts: v.nullish(v.array(mountSchema), []) })
const volumesSchema = v.object({ Volumes: v.nullish(v.array(v.object({ Name: v.string(), Driver: v.string() })), []) })
const pluginsSchema = v.array(
  v.object({
    Name: v.string(),
    Enabled: v.boolean(),
    PluginReference: v.optional(v.string()),
    Settings: v.object({ Env: v.nullish(v.array(v.string()), []) }),
  }),
)
const infoSchema = v.object({
  Swarm: v.nullish(v.object({ LocalNodeState: v.optional(v.string()) })),
  // null with Podman, which has no Swarm either.
  Plugins: v.nullish(v.object({ Volume: v.nullish(v.array(v.string())) })),
})
const versionSchema = v.object({
  Version: v.string(),
  ApiVersion: v.string(),
  Components: v.nullish(v.array(v.object({ Name: v.string() })), []),
})

/**
 * @param socket path of the API's socket, also as `unix:///path`.
 * @param timeoutMs for each call, within its deadline.
 */
export function dockerApi(socket: string, timeoutMs = 3_000): DockerApi & DockerInventory {
  const socketPath = socket.replace(/^unix:\/\//, '')

  async function get<T>(path: string, schema: v.GenericSchema<unknown, T>, deadline: Deadline): Promise<T> {
    const text = await getText(socketPath, path, deadline, timeoutMs)
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
    if (parsed.success) return parsed.output
    throw refused(socketPath, path, 'answered something else than Docker does')
  }

  /** A version in the path is left out: the daemon then takes its own, and the fields asked for are in all of them. */
  const list = (filters: Record<string, string[]>, deadline: Deadline): Promise<v.InferOutput<typeof listSchema>> =>
    get(`/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`, listSchema, deadline)

  return {
    async containersUsing(volumeName, deadline) {
      const found = await list({ volume: [volumeName] }, deadline)
      // The filter looks at mount points too, hence the second look.
      return found
        .filter(({ Mounts }) => Mounts === null || Mounts.some(({ Name }) => Name === volumeName))
        .map(asContainer)
    },
    async mountsOfDriver(driverName, deadline) {
      const names = [driverName, managedName(driverName)]
      return (await volumeMounts(deadline)).filter(({ driver }) => names.includes(driver))
    },
    volumeMounts,
    async volumes(deadline) {
      const { Volumes } = await get('/volumes', volumesSchema, deadline)
      return Volumes.map(({ Name, Driver }) => ({ name: Name, driver: Driver }))
    },
    async plugins(deadline) {
      const found = await get('/plugins', pluginsSchema, deadline)
      return found.map(({ Name, Enabled, PluginReference, Settings }) => ({
        name: Name,
        enabled: Enabled,
        ...(PluginReference ? { image: PluginReference } : {}),
        settings: Object.fromEntries(Settings.Env.map(settingOf)),
      }))
    },
    async swarmNode(deadline) {
      const { Swarm, Plugins } = await get('/info', infoSchema, deadline)
      return { active: Swarm?.LocalNodeState === 'active', volumeDrivers: Plugins?.Volume ?? [] }
    },
    async version(deadline) {
      const { Version, ApiVersion, Components } = await get('/version', versionSchema, deadline)
      const podman = Components.some(({ Name }) => Name.startsWith('Podman'))
      return { version: Version, apiVersion: ApiVersion, engine: podman ? 'podman' : 'docker' }
    },
  }

  async function volumeMounts(deadline: Deadline): Promise<DockerMount[]> {
    const mounts: DockerMount[] = []
    for (const found of await list({}, deadline)) {
      const container = asContainer(found)
      for (const { Name, Driver } of found.Mounts ?? (await mountsOf(container.id, deadline)))
        if (Name !== undefined && Driver !== undefined) mounts.push({ container, volumeName: Name, driver: Driver })
    }
    return mounts
  }

  async function mountsOf(id: string, deadline: Deadline): Promise<v.InferOutput<typeof mountSchema>[]> {
    try {
      return (await get(`/containers/${encodeURIComponent(id)}/json`, detailSchema, deadline)).Mounts
    } catch (error) {
      // Removed meanwhile.
      if (isAcsError(error, 'EACSDOCKER') && error.details.status === 404) return []
      throw error
    }
  }
}

/** `NAME=value`; a secret goes no further than this. */
function settingOf(text: string): [string, string] {
  const at = text.indexOf('=')
  const [name, value] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
  return [name, value !== '' && /PASSWORD$|SECRET|TOKEN/i.test(name) ? '***' : value]
}

function asContainer({ Id, Names, State }: v.InferOutput<typeof containerSchema>): DockerContainer {
  // A linked container has names below other containers' too: /web, /other/web.
  const names = Names.map((name) => name.replace(/^\//, ''))
  return { id: Id, name: names.find((name) => !name.includes('/')) ?? Id.slice(0, 12), state: State }
}

async function getText(socketPath: string, path: string, deadline: Deadline, timeoutMs: number): Promise<string> {
  deadline.check('asking Docker')
  const limited = deadline.atMost(timeoutMs)
  let answer: { status: number; text: string }
  try {
    answer = await askLocal(socketPath, { path }, limited)
  } catch (error) {
    deadline.check('waiting for Docker')
    const why = limited.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : messageOf(error)
    throw new AcsError('timeout', 'EACSDOCKERDOWN', `Docker does not answer at ${socketPath}: ${why}`, {
      cause: error,
      hints: ['Look whether it runs: docker info', 'Its socket is named by docker: in the configuration of the plugin'],
    })
  }
  const { status, text } = answer
  if (status === 200) return text
  throw refused(socketPath, path, `answered ${status} ${printable(text.trim().slice(0, 300))}`, { status })
}

function refused(socketPath: string, path: string, what: string, details: Record<string, unknown> = {}): AcsError {
  const asked = path.replace(/\?.*/, '')
  return new AcsError('failed', 'EACSDOCKER', `Docker at ${socketPath} ${what} (GET ${asked})`, { details })
}
