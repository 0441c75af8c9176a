import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { FuzzReport } from './fuzz-process.js'
import { brokenHttp, Dice, malformedRequest } from './malformed.js'
import { temporaryFolder } from './server-lab.js'
import { dockerdRequest, openWire, type Wire, type WireAnswer } from './wire.js'

const seed = Number(process.env.ACS_FUZZ_SEED ?? 20_261_125)
/** 100,000 in all. A batch is what one connection carries, each request sent without waiting for the answer before. */
const plan = { batches: 1_800, batch: 50, broken: 6_500, halfOpen: 1_200, aborted: 1_800, trickled: 200, tooLong: 300 }
const total = plan.batches * plan.batch + plan.broken + plan.halfOpen + plan.aborted + plan.trickled + plan.tooLong

test(`${total} malformed requests: no crash, no hang, no leak, nothing but JSON`, { timeout: 120_000 }, async () => {
  expect(total).toBeGreaterThanOrEqual(100_000)
  const { path, report, child } = await startServer()
  let sent = 0
  let answered = 0
  let dropped = 0

  function judge({ status, body }: WireAnswer): void {
    answered += 1
    const answer = JSON.parse(body) as Record<string, unknown>
    if (status === 200) expect([undefined, '']).toContain(answer.Err)
    else expect(answer).toEqual({ Err: expect.stringMatching(/^[^\p{Cc}]+$/u) as string })
  }

  async function batch(dice: Dice): Promise<void> {
    const wire = await openWire(path)
    const requests = Array.from({ length: plan.batch }, () => malformedRequest(dice))
    // What may end the connection comes last, so that all the others must be answered.
    const dropping = requests.filter(({ mayDrop }) => mayDrop)
    const certain = requests.filter(({ mayDrop }) => !mayDrop)
    wire.send(Buffer.concat(certain.map(({ bytes }) => bytes)))
    for (let left = certain.length; left > 0; left -= 1) judge(await wire.answer())
    sent += certain.length
    if (dropping.length === 0) wire.hangUp()
    else await drop(wire, dropping.shift()!.bytes)
    for (const { bytes } of dropping) await drop(await openWire(path), bytes)
  }

  /** Must end the connection, and never answer. */
  async function drop(wire: Wire, bytes: Buffer): Promise<void> {
    wire.send(bytes)
    await wire.closed
    expect(wire.waiting).toBe(0)
    sent += 1
    dropped += 1
  }

  async function broken(dice: Dice): Promise<void> {
    const wire = await openWire(path)
    wire.send(brokenHttp(dice))
    // Most are refused at once; what might still become a request is let go when no more comes.
    wire.halfClose()
    await wire.closed
    while (wire.waiting > 0) judge(await wire.answer())
    sent += 1
  }

  /** Keeps silent before its request is whole, until it is thrown out. */
  async function halfOpen(dice: Dice): Promise<void> {
    const wire = await openWire(path)
    const { bytes } = malformedRequest(dice)
    wire.send(bytes.subarray(0, dice.below(Math.min(bytes.length - 1, 40))))
    await wire.closed
    expect(wire.waiting).toBe(0)
    sent += 1
  }

  async function aborted(dice: Dice): Promise<void> {
    const wire = await openWire(path)
    const whole = dice.below(2) === 0
    const request = dockerdRequest('VolumeDriver.Mount', '{"Name":"good","ID":"x"}\n')
    // Of a whole one the answer is not waited for: the client is gone while the driver works.
    wire.send(whole ? request : request.slice(0, request.length - 1 - dice.below(20)))
    if (dice.below(2) === 0) await sleep(dice.below(3))
    wire.hangUp()
    await wire.closed
    sent += 1
  }

  async function trickled(dice: Dice): Promise<void> {
    const wire = await openWire(path)
    for (const byte of dockerdRequest('VolumeDriver.Create', '{"Name":"../x"}\n')) {
      wire.send(byte)
      if (dice.below(4) === 0) await sleep(1)
    }
    judge(await wire.answer())
    wire.hangUp()
    sent += 1
  }

  async function tooLong(): Promise<void> {
    const wire = await openWire(path)
    wire.send(dockerdRequest('VolumeDriver.Create', `{"Name":"${'x'.repeat(1_100_000)}"}`))
    judge(await wire.answer())
    wire.hangUp()
    sent += 1
  }

  const probe = startProbe(path)
  // A first part warms up what a running server keeps: compiled code, buffers, the connections of its clients.
  await times(plan.batches / 6, 3, (index) => batch(diceOf('warm', index)))
  const before = await report()
  const started = performance.now()
  await Promise.all([
    times((plan.batches * 5) / 6, 3, (index) => batch(diceOf('batch', index))),
    times(plan.broken, 8, (index) => broken(diceOf('broken', index))),
    times(plan.halfOpen, 200, (index) => halfOpen(diceOf('halfOpen', index))),
    times(plan.aborted, 4, (index) => aborted(diceOf('aborted', index))),
    times(plan.trickled, 8, (index) => trickled(diceOf('trickled', index))),
    times(plan.tooLong, 2, tooLong),
  ])
  const seconds = (performance.now() - started) / 1000
  const good = await probe.stop()

  await expect.poll(async () => (await report()).connections, { timeout: 5_000 }).toBe(0)
  await expect.poll(async () => (await report()).calls).toBe(0)
  const after = await report()
  expect(sent).toBe(total)
  expect(child.exitCode).toBeNull()
  expect(after.defects).toEqual([])
  expect(after.badNames).toEqual([])
  // The driver was reached by what was in order, and by every call.
  for (const call of ['create', 'get', 'list', 'remove', 'path', 'mount', 'unmount'])
    expect(after.asked[call], call).toBeGreaterThan(100)
  expect(dropped).toBeGreaterThan(1_000)
  expect(after.files).toBeLessThanOrEqual(before.files)
  expect(after.heapBytes - before.heapBytes).toBeLessThan(8 * 1024 ** 2)
  expect(good.count).toBeGreaterThan(seconds)
  expect(good.slowestMs).toBeLessThan(2_000)
  process.stderr.write(
    `plugin fuzz (seed ${seed}): ${sent} requests, ${answered} answers, ${dropped} dropped, ${seconds.toFixed(1)} s; ` +
      `${good.count} good calls meanwhile, half below ${good.medianMs.toFixed(1)} ms, all below ${good.slowestMs.toFixed(0)} ms; ` +
      `files ${before.files} → ${after.files}, heap ${mib(before.heapBytes)} → ${mib(after.heapBytes)} MiB\n`,
  )
})

async function startServer(): Promise<{ path: string; child: ChildProcess; report: () => Promise<FuzzReport> }> {
  const path = join(await temporaryFolder(), 'p.sock')
  const child = fork(fileURLToPath(new URL('./fuzz-process.ts', import.meta.url)), [path], {
    execArgv: ['--import', 'tsx', '--expose-gc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'message')
  return {
    path,
    child,
    async report() {
      const answer = once(child, 'message')
      child.send('report')
      const [message] = (await answer) as [FuzzReport]
      return message
    },
  }
}

/** A well-behaved client all the while: on one connection of its own, as dockerd, and on a new one each time. */
function startProbe(path: string): { stop: () => Promise<{ count: number; medianMs: number; slowestMs: number }> } {
  const end = new AbortController()
  const took: number[] = []
  async function ask(open: () => Promise<Wire>): Promise<Wire> {
    const started = performance.now()
    const wire = await open()
    wire.send(dockerdRequest('VolumeDriver.Get', '{"Name":"good"}\n'))
    const { status, body } = await wire.answer()
    took.push(performance.now() - started)
    expect([status, body]).toEqual([200, expect.stringContaining('"Name":"good"')])
    return wire
  }
  const running = (async () => {
    const kept = await openWire(path)
    while (!end.signal.aborted) {
      await ask(() => Promise.resolve(kept))
      const fresh = await ask(() => openWire(path))
      fresh.hangUp()
      await sleep(20)
    }
    kept.hangUp()
  })()
  // It may fail long before someone waits for it.
  running.catch(() => undefined)
  return {
    async stop() {
      end.abort()
      await running
      took.sort((one, other) => one - other)
      return { count: took.length, medianMs: took[took.length >> 1] ?? NaN, slowestMs: took.at(-1) ?? NaN }
    },
  }
}

/** What the seed decides for one connection, in whichever order they come. */
function diceOf(kind: string, index: number): Dice {
  return new Dice(createHash('sha256').update(`${seed} ${kind} ${index}`).digest().readInt32LE())
}

/** Runs `work` so many times, `width` at once. */
async function times(count: number, width: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await work(next++)
    }),
  )
}

function mib(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1)
}
