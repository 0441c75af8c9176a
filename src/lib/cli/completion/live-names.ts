import { deadlineIn } from '../../base/deadline.js'
import type { Deadline } from '../../base/deadline.js'
import { messageOf } from '../../base/errors.js'
import type { Prism } from '../../prism/prism.js'
import type { Volume } from '../../volume/volume.js'
import { openPrism, resolveFlags } from '../connection.js'
import type { ConnectionFlags } from '../connection.js'
import type { DebugLog } from '../debug-log.js'
import { interruptSignal } from '../interrupt.js'
import { compareText } from '../output/sort.js'
import { Prompt } from '../prompt.js'
import type { LiveKind } from './model.js'

/** Someone waits at a prompt: after this, no names are better than late ones. */
const patienceMs = 2000

interface CompletionRequest {
  kind: LiveKind
  prefix: string
  /** The command line so far: its --context, --endpoint and so on are obeyed. */
  words: readonly string[]
  userAgent: string
  debug: DebugLog
}

/** Names that begin with `prefix`, in order; none when the cluster cannot be asked within two seconds. */
export async function completeNames(request: CompletionRequest): Promise<string[]> {
  const { kind, prefix, debug } = request
  const deadline = deadlineIn(patienceMs, interruptSignal())
  try {
    // The race is for what knows no deadline: a keyring, a credential command, a name server.
    const names = await Promise.race([namesOf(request, deadline), deadline.sleep(patienceMs, 'completing')])
    return (names ?? []).filter((name) => name.startsWith(prefix)).sort(compareText)
  } catch (error) {
    // A shell that shows an error in the middle of a line helps nobody; --debug tells.
    debug(`completion of ${kind}: ${messageOf(error)}`)
    return []
  }
}

async function namesOf({ kind, words, userAgent, debug }: CompletionRequest, deadline: Deadline): Promise<string[]> {
  if (kind === 'contexts') {
    const [{ readConfig }, { configFile }] = await Promise.all([
      import('../../config/config-file.js'),
      import('../../config/paths.js'),
    ])
    return Object.keys((await readConfig(configFile(process.env))).contexts)
  }
  const connection = await resolveFlags(connectionFlagsIn(words), {
    prompt: new Prompt({ noInput: true }),
    warn: debug,
  })
  const prism = await openPrism(connection, { userAgent, debug })
  try {
    return await namesFrom(prism, kind, deadline)
  } finally {
    await prism.close()
  }
}

async function namesFrom(prism: Prism, kind: Exclude<LiveKind, 'contexts'>, deadline: Deadline): Promise<string[]> {
  switch (kind) {
    case 'volumes':
    case 'snapshots':
    case 'trash': {
      const { asVolume, isTrashed } = await import('../../volume/volume.js')
      // A snapshot is a group of its own, marked in its trailer, and so is what is in the trash.
      const kindOf = (volume: Volume): LiveKind =>
        isTrashed(volume) ? 'trash' : volume.trailer?.snap ? 'snapshots' : 'volumes'
      const volumes = (await prism.volumeGroups({ deadline })).map(asVolume)
      return volumes.filter((volume) => kindOf(volume) === kind).map(({ group }) => group.name)
    }
    case 'vms':
      return (await prism.vms({ deadline })).map((vm) => vm.name)
    case 'images':
      return (await prism.images({ deadline })).map((image) => image.name)
    case 'networks':
      return (await prism.networks({ deadline })).map((network) => network.name)
    case 'containers':
      return (await prism.storageContainers({ deadline })).map((container) => container.name)
    case 'tasks':
      return (await prism.tasks({ includeCompleted: true, limit: 50 }, { deadline })).map((task) => task.uuid)
    case 'hosts':
      return (await prism.hosts({ deadline })).map((host) => host.name)
  }
}

/** The connection flags among words that are not checked yet. Never --password-stdin: stdin is the terminal. */
export function connectionFlagsIn(words: readonly string[]): ConnectionFlags {
  const flags: ConnectionFlags = {}
  for (const name of ['context', 'endpoint', 'username', 'password-file', 'ca-file', 'fingerprint'] as const) {
    const index = words.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`))
    if (index === -1) continue
    const word = words[index] ?? ''
    flags[name] = word.includes('=') ? word.slice(word.indexOf('=') + 1) : words[index + 1]
  }
  return flags
}
