import type { TestProject } from 'vitest/node'
import { requirement } from '../requirements.js'
import { startLab, stopLab, type LabFacts } from './lab.js'

declare module 'vitest' {
  interface ProvidedContext {
    lab: LabFacts
  }
}

const tools = ['qemu-system-x86_64', 'qemu-img', 'genisoimage', 'dnsmasq', 'ip', 'nsenter', 'ssh', 'debootstrap']

/** Around the whole run: the lab is started once. Nothing of it is skipped: who asks for the lab wants the lab. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.env.ACS_REQUIRE = 'all'
  requirement('the lab', ['root', ...tools.map((tool) => ({ tool }))])
  const beganAt = Date.now()
  const log = (line: string): void =>
    void process.stderr.write(`${((Date.now() - beganAt) / 1000).toFixed(0).padStart(5)} s  ${line}\n`)
  const facts = await startLab(log)
  project.provide('lab', facts)
  return () => stopLab(facts)
}
