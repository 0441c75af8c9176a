import { spawn, type ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { beginFile, canary } from './canary.js'
import { keepText } from './evidence.js'

/**
 * In each test file of the e2e tests: keeps the arguments and the output of every process that the file starts, whatever
 * starts it, so that no lab can forget to. Node tells of every child it makes (node:diagnostics_channel).
 */
process.env.ACS_TEST_EVIDENCE = inject('evidence')

const open = new Set<() => void>()

subscribe('child_process', (message) => {
  const { process: child } = message as { process: ChildProcess }
  // By then it has its streams, and nothing was read from them yet.
  child.once('spawn', () => {
    const command = child.spawnargs.join(' ')
    keepText(`arguments of ${child.pid ?? 0}: ${child.spawnargs[0] ?? ''}`, command)
    keepStream(`stdout of ${command}`, child.stdout)
    keepStream(`stderr of ${command}`, child.stderr)
  })
})

function keepStream(source: string, stream: Readable | null): void {
  if (!stream) return
  const chunks: Buffer[] = []
  const keep = (): void => keepText(source, Buffer.concat(chunks.splice(0)).toString('utf8'))
  // Not by listening: that would set the stream flowing before whoever wants its data is ready.
  const push = stream.push.bind(stream)
  stream.push = (chunk: unknown, encoding) => {
    if (Buffer.isBuffer(chunk)) chunks.push(chunk)
    return push(chunk, encoding)
  }
  open.add(keep)
  stream.once('close', () => {
    open.delete(keep)
    keep()
  })
}

const { testPath = 'unknown' } = expect.getState()

beforeAll(async () => {
  beginFile(testPath)
  // Whether what a child says is kept at all: counted when the run is over.
  await new Promise((resolve) => spawn('echo', [canary(testPath)]).once('close', resolve))
})

// Registered first, this runs last: a process that a test leaves running has said what it will say.
afterAll(() => {
  for (const keep of open) keep()
})
