import type { Simulator, SimulatorOptions } from '../src/lib/sim/simulator.js'
import { startSimulator as start } from '../src/lib/sim/start.js'
import { judge } from './contract/run-contract.js'

/** How every test starts a simulator in process: on free ports, each of its answers judged by Prism's specifications and recordings. */
export function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  return start({
    listen: '127.0.0.1:0',
    iscsi: '127.0.0.1:0',
    ...options,
    onResponse: (exchange) => {
      judge(exchange)
      options.onResponse?.(exchange)
    },
  })
}
