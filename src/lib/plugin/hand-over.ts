import { hostname } from 'node:os'
import { deadlineIn, type Deadline } from '../base/deadline.js'
import { messageOf } from '../base/errors.js'
import { printable } from '../base/printable.js'
import { acquire } from '../volume/acquire.js'
import { advertise } from '../volume/advertise.js'
import { whoAmI, type VolumeContext } from '../volume/context.js'
import { readVolume } from '../volume/find.js'
import { isEntitled } from '../volume/hand-over-request.js'
import { findHere } from '../volume/here.js'
import type { References } from '../volume/references.js'
import { createSilences } from '../volume/silences.js'
import type { ReleaseAnswer } from '../volume/take-over-policy.js'
import type { ContainersOf } from './containers-using.js'
import type { Call, PluginLog } from './driver.js'
import type { HostVolumes } from './host-volumes.js'
import type { KnownVolume } from './known-volumes.js'
import { advertisedAddress, formatPeerAddress, parseHostPort, type HostPort } from './peer/address.js'
import { peerIdentity } from './peer/identity.js'
import type { PluginSettings } from './settings.js'

export interface HandOverOptions {
  settings: () => Pick<PluginSettings, 'peer' | 'takeOver'>
  stateFolder: string
  context: (work: { deadline: Deadline; log: PluginLog }) => VolumeContext
  /** Somewhere that all hosts reach, for this host's own address. */
  towards: () => Promise<HostPort>
  volumes: () => HostVolumes
  containersUsing: ContainersOf
  log: PluginLog
}

/** This host's part in who gets a volume that several want. */
export interface HandOver {
  /** Where other hosts can ask this one; undefined until it listens. */
  address(): string | undefined
  /** Runs `use`, which claims the volume; a holder that is another host's plugin is asked for it, as the policy says. */
  acquire(volume: KnownVolume, call: Call, use: () => Promise<void>): Promise<void>
  /** Listens for other hosts, and lets them know by the records of the volumes held here. Errors are logged: without it others wait. */
  listen(): Promise<void>
  close(): Promise<void>
}

const releaseMs = 60_000
const retryMs = 5_000

export async function createHandOver(options: HandOverOptions): Promise<HandOver> {
  const { settings, context, volumes, log } = options
  const identity = await peerIdentity(options.stateFolder)
  const silences = createSilences()
  let address: string | undefined
  let server: { close(): Promise<void> } | undefined
  let closed = false
  const isClosed = (): boolean => closed
  let retry: NodeJS.Timeout | undefined

  async function release({ uuid, name }: { uuid: string; name: string }): Promise<ReleaseAnswer> {
    const deadline = deadlineIn(releaseMs)
    const outcome = await volumes().letGo(uuid, deadline)
    const answer =
      outcome.state === 'in-use' ? await inUse(outcome.references) : await unlessHere(uuid, outcome, deadline)
    log.info({ volume: name, outcome: answer.state }, 'another host asked for the volume')
    return answer
  }

  /** "Not held" leads to a take-over: it is said only when the disk is not here, by whosever hand. */
  async function unlessHere(
    uuid: string,
    { state }: { state: 'released' | 'not-held' },
    deadline: Deadline,
  ): Promise<ReleaseAnswer> {
    const work = context({ deadline, log })
    const here = await findHere(work, await readVolume(work, uuid))
    if (!here?.disk) return { state }
    const how = here.mounts.length > 0 ? 'mounted' : 'attached'
    return { state: 'in-use', by: [`${how} by hand`], text: `${how} by hand on ${printable(hostname())}` }
  }

  async function inUse(references: References): Promise<ReleaseAnswer> {
    const by = await users(references)
    return { state: 'in-use', by, text: `in use by ${by.join(' and ')} on ${printable(hostname())}` }
  }

  /** Containers by name; where Docker does not say, how many mounts there are. */
  async function users({ uuid, name, ids }: References): Promise<string[]> {
    try {
      const containers = await options.containersUsing({ uuid, name }, deadlineIn(3_000))
      if (containers.length > 0) return containers.map(({ name: container }) => `container ${printable(container)}`)
    } catch (error) {
      log.debug({ volume: name, error: messageOf(error) }, 'Docker does not say which containers use the volume')
    }
    const count = Math.max(1, ids.length)
    return [`${count} mount${count === 1 ? '' : 's'} of containers`]
  }

  async function startListening(): Promise<void> {
    const { startPeerServer } = await import('./peer/server.js')
    const { peer } = settings()
    const started = await startPeerServer({
      listen: parseHostPort(peer.listen),
      identity,
      log: log.child({ part: 'peer' }),
      authorise: (uuid, fingerprint) => isEntitled(context({ deadline: deadlineIn(10_000), log }), uuid, fingerprint),
      release,
    })
    server = started
    if (isClosed()) return started.close()
    const where = await advertisedAddress({
      listening: started.listening,
      towards: await options.towards(),
      ...(peer.advertise === undefined ? {} : { advertise: peer.advertise }),
    })
    address = formatPeerAddress({ ...where, fingerprint: identity.fingerprint })
    log.info({ address }, 'other hosts can ask for volumes')
  }

  async function advertiseAll(): Promise<void> {
    const work = context({ deadline: deadlineIn(60_000), log })
    const { me } = await whoAmI(work)
    await Promise.all(
      volumes()
        .all()
        // What somebody has mounted by hand is not the plugin's to give away.
        .filter(({ byHand }) => !byHand)
        .map(({ uuid }) => advertise(work, uuid, me)),
    )
  }

  async function tryTo(what: string, work: () => Promise<void>): Promise<void> {
    while (!isClosed()) {
      try {
        await work()
        return
      } catch (error) {
        if (isClosed()) return
        log.warn({ error: messageOf(error), retryMs }, what)
        await new Promise((resolve) => (retry = setTimeout(resolve, retryMs).unref()))
      }
    }
  }

  return {
    address: () => address,
    async acquire(volume, call, use) {
      const { askHolder } = await import('./peer/client.js')
      const work = context(call)
      const { me } = await whoAmI(work)
      await acquire(
        work,
        {
          uuid: volume.uuid,
          me,
          fingerprint: identity.fingerprint,
          policy: settings().takeOver.policy,
          delayMs: settings().takeOver.delayMs,
          ask: (question) => askHolder({ ...question, identity }),
          silences,
        },
        use,
      )
    },
    async listen() {
      await tryTo('other hosts cannot ask for volumes yet', async () => {
        await server?.close()
        await startListening()
      })
      await tryTo('the address of this plugin is not in all records yet', advertiseAll)
    },
    async close() {
      closed = true
      clearTimeout(retry)
      await server?.close()
    },
  }
}
