import { Complaint, type Check } from '../check.js'
import { dockerLimitsMs } from '../client.js'
import { mountedAt } from '../judge.js'
import type { Exchange } from '../exchange.js'
import { sources } from './sources.js'

const busyVolumes = 4
const podmanMs = 5_000
/** A read that ends with the last of several mounts, this long after it was sent, waited for them. */
const suspiciousMs = 500

/** How long things take; those about the whole run come last. */
export const timeChecks: readonly Check[] = [
  {
    id: 'concurrent.reads',
    title: 'List and Get are answered while volumes are being mounted',
    severity: 'should',
    why: 'docker volume ls, and with older daemons docker ps, hang for as long as they have to wait: one lock around all calls is enough.',
    source: 'peers.md 5: rancher#6419, netshare#150, moby#22251',
    needs: ['mount.path'],
    uses: ['mount'],
    async run(client, context) {
      const names: string[] = []
      for (let count = 0; count < busyVolumes; count += 1) names.push(await context.volume())
      const startedAt = performance.now()
      let mountsMs = 0
      const mounts = Promise.all(names.map((name) => client.mount(name, context.newId()))).then((answers) => {
        mountsMs = performance.now() - startedAt
        return answers
      })
      // Looked at below; until then the reads may be what ends with the run's time.
      mounts.catch(() => undefined)
      const reads = [...(await Promise.all([read(client.list()), read(client.get(names[0] ?? ''))]))]
      while (mountsMs === 0) {
        reads.push(await read(client.list()), await read(client.get(names.at(-1) ?? '')))
        await context.deadline.sleep(20, 'reading while volumes are mounted')
      }
      for (const answer of await mounts) mountedAt(answer)
      const slowest = reads.reduce((a, b) => (b.answer.ms > a.answer.ms ? b : a))
      const unanswered = reads.find(({ answer }) => answer.lost)?.answer
      if (unanswered)
        throw new Complaint(`${unanswered.call} got no answer while volumes were being mounted`, unanswered)
      const told = `${slowest.answer.call} took ${Math.round(slowest.answer.ms)} ms while ${busyVolumes} Mounts took ${Math.round(mountsMs)} ms`
      if (slowest.answer.ms > context.timing.readMs) throw new Complaint(told, slowest.answer)
      const waited = reads.slice(0, 2).every(({ endedAt }) => endedAt >= startedAt + mountsMs)
      if (waited && slowest.answer.ms > suspiciousMs)
        throw new Complaint(`${told}: it was answered only after the last of them`, slowest.answer)
      return told
    },
  },
  {
    id: 'time.docker',
    title: "Every call of this run ended within Docker's limit: 120 s for Create and Mount, 60 s for the rest",
    severity: 'must',
    why: 'dockerd gives up, the plugin goes on, and they disagree on what is mounted from then on.',
    source: sources.proxy,
    run: (_client, { timings }) => {
      const slow = [...timings].filter(([call, { slowestMs }]) => slowestMs > limitOf(call))
      return judged(
        timings,
        slow.map(([call]) => call),
      )
    },
  },
  {
    id: 'time.podman',
    title: "Every call of this run ended within Podman's default limit of 5 s",
    severity: 'should',
    why: 'Podman gives up after volume_plugin_timeout, and does not try again.',
    source: `${sources.podman} client.Timeout; containers.conf(5)`,
    run: (_client, { timings }) => {
      const slow = [...timings].filter(([, { slowestMs }]) => slowestMs > podmanMs)
      return judged(
        timings,
        slow.map(([call]) => call),
      )
    },
  },
]

async function read(call: Promise<Exchange>): Promise<{ answer: Exchange; endedAt: number }> {
  const answer = await call
  return { answer, endedAt: performance.now() }
}

function limitOf(call: string): number {
  return /\.(Create|Mount)$/.test(call) ? dockerLimitsMs.long : dockerLimitsMs.short
}

function judged(timings: ReadonlyMap<string, { slowestMs: number }>, slow: readonly string[]): Promise<string> {
  const told = (call: string): string =>
    `${call.replace(/^.*\./, '')} ${Math.round(timings.get(call)?.slowestMs ?? 0)} ms`
  if (slow.length > 0) return Promise.reject(new Complaint(`too slow: ${slow.map(told).join(', ')}`))
  return Promise.resolve(`slowest: ${[...timings.keys()].map(told).join(', ')}`)
}
