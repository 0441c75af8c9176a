import { lstat, readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Deadline } from '../base/deadline.js'
import { connectLimitMs, type DoctorContext } from './context.js'
import { ok, type Finding } from './finding.js'
import { namesIn, statOf } from './folder.js'
import { installedPlugins, type InstalledPlugin } from './plugin-unit.js'
import { reach } from '../host/reach.js'

/** Plugin sockets that nobody listens on: each costs 15 s at every `docker volume ls` (docker-protocols.md, finding 9). */
export async function socketFindings(context: DoctorContext, deadline: Deadline): Promise<Finding[]> {
  const [sockets, installed] = await Promise.all([pluginSockets(context), installedPlugins(context)])
  const limit = deadline.atMost(connectLimitMs)
  const looked = await Promise.all(
    sockets.map(async (socket) => ({ ...socket, why: await reach({ path: socket.path }, limit) })),
  )
  const ours = new Set(['nutanix', ...installed.map(({ name }) => name)])
  const own = looked.filter(({ name }) => ours.has(name))
  return [
    ...own.flatMap(({ path, why }) =>
      why === undefined ? [ok('plugin-socket', `the plugin answers on ${path}`)] : [],
    ),
    ...missingSockets(installed, own),
    ...looked.flatMap(({ name, path, from, why }) =>
      why === undefined ? [] : [staleSocket({ path, from, why, ours: ours.has(name) })],
    ),
  ]
}

interface PluginSocket {
  /** Name of the volume driver. */
  name: string
  path: string
  /** A `.spec` that names the socket; absent where the socket is found by itself. */
  from?: string
}

/** As dockerd finds them: sockets in its run folder, `.spec` files elsewhere (docker-protocols.md A.1). */
async function pluginSockets({ pluginFolder, roots }: DoctorContext): Promise<PluginSocket[]> {
  const found: PluginSocket[] = []
  for (const entry of await namesIn(pluginFolder)) {
    const path = join(pluginFolder, entry)
    if (entry.endsWith('.sock')) found.push({ name: entry.slice(0, -'.sock'.length), path })
    // Managed plugins have `<id>/<name>.sock`, which dockerd does not find this way.
    else if ((await namesIn(path)).includes(`${entry}.sock`))
      found.push({ name: entry, path: join(path, `${entry}.sock`) })
  }
  for (const folder of [join(roots.etc, 'docker', 'plugins'), '/usr/lib/docker/plugins'])
    for (const entry of (await namesIn(folder)).filter((name) => name.endsWith('.spec'))) {
      const from = join(folder, entry)
      const address = /^unix:\/\/(\/.+)$/.exec((await readFile(from, 'utf8')).trim())?.[1]
      if (address !== undefined) found.push({ name: basename(entry, '.spec'), path: address, from })
    }
  const sockets = await Promise.all(found.map(async (each) => ((await isPassedOver(each)) ? [] : [each])))
  return sockets.flat()
}

/**
 * A regular file is no plugin to dockerd. A link is one by its name only, not when dockerd looks which there are: so it costs
 * nothing when it is stale, and its socket has been looked at already. What a `.spec` names and is not there, is as good as stale.
 */
async function isPassedOver({ path, from }: PluginSocket): Promise<boolean> {
  if ((await statOf(path))?.isFile()) return true
  return from === undefined && (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true
}

function staleSocket(socket: { path: string; from?: string; why: string; ours: boolean }): Finding {
  const { path, from, why } = socket
  const culprit = from ?? path
  // EACCES: nobody but root may ask.
  if (why === 'EACCES')
    return {
      id: 'stale-socket',
      about: path,
      severity: 'info',
      title: `could not look whether anybody listens on ${path}`,
      evidence: [`connect: ${why}`],
      cure: ['sudo acs doctor'],
    }
  return {
    id: 'stale-socket',
    about: path,
    severity: 'problem',
    title: `nobody listens on ${path}: every docker volume ls, and every start of Docker, waits 15 s for it`,
    evidence: [`connect: ${why}`, ...(from === undefined ? [] : [`named by ${from}`])],
    cure: [`rm ${culprit}`],
    ...(socket.ours && why === 'ECONNREFUSED' && from === undefined
      ? { fix: { words: `remove the stale socket ${path}`, run: (deadline) => removeStale(path, deadline) } }
      : {}),
  }
}

async function removeStale(path: string, deadline: Deadline): Promise<undefined> {
  // The plugin may have started meanwhile.
  if ((await reach({ path }, deadline.atMost(connectLimitMs))) === 'ECONNREFUSED') await rm(path, { force: true })
}

/** A service whose socket is not there: Docker calls wait 15 s and fail (docker-protocols.md, finding 8). */
function missingSockets(installed: readonly InstalledPlugin[], found: readonly PluginSocket[]): Finding[] {
  return installed
    .filter(({ socketPath }) => !found.some(({ path }) => path === socketPath))
    .map(({ unit, socketPath }) => ({
      id: 'plugin-socket',
      about: socketPath,
      severity: 'problem',
      title: `${unit} is installed, and its socket ${socketPath} is not there: Docker finds no plugin`,
      evidence: [],
      cure: [`systemctl enable --now ${unit}`],
    }))
}
