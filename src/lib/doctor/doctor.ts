import { AcsError, isAcsError, messageOf } from '../base/errors.js'
import type { Deadline } from '../base/deadline.js'
import { checkLimitMs, type DoctorContext } from './context.js'
import { clusterFindings, timeFindings } from './cluster.js'
import { referenceFindings } from './containers.js'
import { diskFindings } from './disks.js'
import { dockerFindings } from './docker.js'
import { compare, type Drift } from './drift.js'
import { lookAtMachine, type Facts } from './facts.js'
import { fileFindings } from './files.js'
import { findingSections, ok, type Finding, type FindingId } from './finding.js'
import { holdFindings, sharedNameFindings } from './holds.js'
import { initiatorFindings } from './initiators.js'
import { journalFindings } from './journals.js'
import { copyFindings, keptFindings } from './kept.js'
import { askCluster, type KnownCluster } from './known-cluster.js'
import { leftoverFindings } from './leftovers.js'
import { nodeFindings, toolFindings } from './machine.js'
import { mountFindings } from './mounts.js'
import { multipathFindings } from './multipath.js'
import { openIscsiFindings } from './open-iscsi.js'
import { outageFindings } from './outage.js'
import { socketFindings } from './plugin-sockets.js'
import { unitFindings } from './plugin-unit.js'
import { podmanFindings } from './podman.js'
import { sessionFindings } from './sessions.js'

type Look = (deadline: Deadline) => Promise<Finding[]> | Finding[]

/**
 * Looks at this machine and at the cluster; changes nothing. Every check has 5 s: one that fails or takes longer is a
 * finding that says so, and never ends the others. In the order of the sections.
 */
export async function examine(context: DoctorContext): Promise<Finding[]> {
  const cluster = askCluster(context)
  const facts = settled(within(context, 'looking at this machine', (deadline) => lookAtMachine(context, deadline)))
  const found = await Promise.all([
    check(context, 'node', () => nodeFindings()),
    check(context, 'tools', (deadline) => toolFindings(context, deadline)),
    check(context, 'initiator', (deadline) => initiatorFindings(context, deadline)),
    check(context, 'iscsid', () => openIscsiFindings(context)),
    check(context, 'multipath', (deadline) => multipathFindings(context, deadline)),
    check(context, 'docker', (deadline) => dockerFindings(context, deadline)),
    check(context, 'stale-socket', (deadline) => socketFindings(context, deadline)),
    check(context, 'plugin-unit', (deadline) => unitFindings(context, deadline)),
    check(context, 'podman', (deadline) => podmanFindings(context, deadline)),
    check(context, 'state-folder', () => fileFindings(context)),
    check(context, 'leftover', (deadline) => leftoverFindings(context, deadline)),
    cluster.then((known) => clusterChecks(context, known)),
    Promise.all([cluster, facts]).then(([known, seen]) => driftChecks(context, known, seen)),
  ])
  return inOrder(guarded(found.flat()))
}

async function clusterChecks(context: DoctorContext, known: KnownCluster): Promise<Finding[]> {
  const found = await Promise.all([
    check(context, 'prism', (deadline) => clusterFindings(known, deadline)),
    ...(known.state === 'known' || known.state === 'refused'
      ? [check(context, 'time', (deadline) => timeFindings(known.access, deadline))]
      : []),
  ])
  return found.flat()
}

async function driftChecks(context: DoctorContext, known: KnownCluster, seen: Settled<Facts>): Promise<Finding[]> {
  if ('error' in seen) return [couldNotLook('drift', seen.error)]
  const facts = seen.value
  const drift = known.state === 'known' ? await settled(compareIn(context, facts, known)) : undefined
  const compared = drift && 'value' in drift ? drift.value : undefined
  const found = await Promise.all([
    check(context, 'outage', () => outageFindings(known, facts, compared)),
    check(context, 'dead-mount', () => mountFindings(context, facts)),
    check(context, 'reference', (deadline) => referenceFindings(context, facts, deadline)),
    check(context, 'unfinished', () => journalFindings(context, facts, compared)),
    ...(compared === undefined ? [] : comparisons(context, compared)),
  ])
  const missing =
    compared !== undefined ? [] : [notCompared(drift && 'error' in drift ? drift.error : errorOf(known), known)]
  return [...found.flat(), ...missing]
}

function comparisons(context: DoctorContext, drift: Drift): Promise<Finding[]>[] {
  return [
    check(context, 'lost-volume', () => diskFindings(drift)),
    check(context, 'session', () => sessionFindings(drift)),
    check(context, 'idle-hold', () => holdFindings(drift)),
    check(context, 'initiator-name-shared', () => sharedNameFindings(drift)),
    check(context, 'forgotten-record', () => keptFindings(drift)),
    check(context, 'half-made-copy', () => copyFindings(drift)),
  ]
}

function compareIn(
  context: DoctorContext,
  facts: Facts,
  known: Extract<KnownCluster, { state: 'known' }>,
): Promise<Drift> {
  return within(context, 'comparing this machine with the cluster', (deadline) =>
    compare(context, facts, known, deadline),
  )
}

/** Nothing is cleaned during an outage; and where nothing is left over, that is said. */
function guarded(findings: readonly Finding[]): Finding[] {
  const drift = findings.filter(({ id }) => findingSections[id] === 'drift')
  if (drift.length === 0) return [...findings, ok('drift', 'nothing is left over, and nothing has drifted')]
  if (!drift.some(({ id, severity }) => id === 'outage' && severity === 'problem')) return [...findings]
  return findings.map((finding) => (findingSections[finding.id] === 'drift' ? { ...finding, fix: undefined } : finding))
}

function inOrder(findings: readonly Finding[]): Finding[] {
  const order = Object.keys(findingSections)
  return [...findings].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id))
}

/** One check, in its time. */
async function check(context: DoctorContext, id: FindingId, look: Look): Promise<Finding[]> {
  try {
    return await within(context, `looking at ${id}`, async (deadline) => look(deadline))
  } catch (error) {
    // Ctrl-C ends the whole command.
    if (isAcsError(error, 'EACSINTERRUPTED')) throw error
    return [couldNotLook(id, error)]
  }
}

/** The work, or a timeout: a call that the kernel does not come back from must not hold the others. */
async function within<T>(context: DoctorContext, doing: string, work: (deadline: Deadline) => Promise<T>): Promise<T> {
  context.deadline.check(doing)
  const deadline = context.deadline.atMost(checkLimitMs)
  let onAbort: () => void = () => undefined
  const late = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      try {
        context.deadline.check(doing)
        reject(new AcsError('timeout', 'EACSTIMEOUT', `it took more than ${checkLimitMs / 1_000} s`))
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    }
    deadline.signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work(deadline), late])
  } finally {
    deadline.signal.removeEventListener('abort', onAbort)
  }
}

function couldNotLook(id: FindingId, error: unknown): Finding {
  return {
    id,
    severity: 'warning',
    title: `could not look at ${id}: ${messageOf(error)}`,
    evidence: isAcsError(error) ? [error.code] : [],
    cure: isAcsError(error) ? error.hints : [],
  }
}

function notCompared(error: unknown, known: KnownCluster): Finding {
  return {
    id: 'drift',
    // Without any cluster there is nothing to compare with; the rest of the machine was looked at.
    severity: known.state === 'not-configured' ? 'info' : 'warning',
    title: `this machine was not compared with the cluster: ${messageOf(error)}`,
    evidence: [],
    cure: [],
  }
}

function errorOf(known: KnownCluster): unknown {
  return known.state === 'known' ? undefined : known.error
}

type Settled<T> = { value: T } | { error: unknown }

async function settled<T>(work: Promise<T>): Promise<Settled<T>> {
  return work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
}
