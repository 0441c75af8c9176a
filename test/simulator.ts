import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Exchange, Simulator, SimulatorOptions } from '../src/lib/sim/simulator.js'
import { startSimulator as start } from '../src/lib/sim/start.js'
import { judge } from './contract/run-contract.js'
import { learnSecret, prismPassword } from './secrets/secrets.js'

/**
 * How every test starts a simulator in process: on free ports, each of its answers judged by Prism's specifications and
 * recordings, and with a password that is looked for in all that the e2e tests leave to see.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  givePassword(options.dataFolder)
  return start({
    listen: '127.0.0.1:0',
    iscsi: '127.0.0.1:0',
    ...options,
    onResponse: (exchange) => {
      learnChapSecrets(exchange.requestBody)
      judge(exchange)
      options.onResponse?.(exchange)
    },
  })
}

/** A cluster keeps the password that it has. */
function givePassword(dataFolder: string): void {
  const file = join(dataFolder, 'password')
  if (existsSync(file)) return
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  writeFileSync(file, `${prismPassword()}\n`, { mode: 0o600 })
}

/** Prism takes CHAP secrets in fields called `password`. */
function learnChapSecrets(body: Exchange['requestBody']): void {
  JSON.stringify(body, (key, value: unknown) => {
    if (key === 'password' && typeof value === 'string') learnSecret('a CHAP secret', value)
    return value
  })
}
