import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach } from 'vitest'
import type { Exchange } from '../../src/lib/sim/simulator.js'
import { specsPresent } from '../specs.js'
import { createContract, type Contract } from './prism-models.js'

/**
 * The contract of the test file that imports this: whatever a simulator answers in it, in process or in one of its own, is
 * judged, and a test fails on an answer that Prism would not give. Where the specifications are absent nothing is judged;
 * test/contract/setup.ts says so.
 */
let contract: Contract | undefined
let recording: { folder: string; file: string; judgedBytes: number } | undefined

export function judge(exchange: Exchange): void {
  if (!contract && specsPresent()) contract = createContract()
  contract?.onResponse(exchange)
}

/** Where a simulator in a process of its own records its answers, for `--record` or ACS_SIM_RECORD: judged after each test. */
export function recordingFile(): string {
  if (!recording) {
    const folder = mkdtempSync(join(tmpdir(), 'acs-recording-'))
    recording = { folder, file: join(folder, 'exchanges.jsonl'), judgedBytes: 0 }
  }
  return recording.file
}

/** Routes with a successful answer that was judged so far. */
export function judgedRoutes(): ReadonlySet<string> {
  judgeRecording()
  return contract?.judged ?? new Set()
}

/** What was wrong with answers so far. Taken, it fails no test: for tests of this judge. */
export function takeProblems(): string[] {
  judgeRecording()
  return contract?.problems.splice(0) ?? []
}

function judgeRecording(): void {
  if (!recording) return
  const bytes = readRecording(recording.file).subarray(recording.judgedBytes)
  // A process that was killed may leave half a line, which is no answer.
  const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1)
  recording.judgedBytes += whole.length
  // Written by src/lib/sim/recording.ts.
  for (const line of whole.toString('utf8').split('\n')) if (line !== '') judge(JSON.parse(line) as Exchange)
}

function readRecording(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    // Nothing was recorded: no simulator was started there.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

function failOnProblems(): void {
  const problems = takeProblems()
  if (problems.length > 0) throw new Error(`the simulator answered what Prism would not:\n${problems.join('\n')}`)
}

afterEach(failOnProblems)
// Answers to clean-up after the last test count too. Registered first, this runs last.
afterAll(() => {
  try {
    failOnProblems()
  } finally {
    if (recording) rmSync(recording.folder, { recursive: true, force: true })
  }
})
