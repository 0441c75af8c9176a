import * as v from 'valibot'
import { AcsError, isAcsError } from '../../base/errors.js'
import type { PrismHttp } from '../http.js'
import type { CallOptions, ConsoleLog } from '../prism.js'
import { understand } from './schema.js'
import { vmPath } from './vms.js'

/** The simulator's own API. No API of Prism has the log of a serial console (specified: v2.0, v1 and v0.8 have no such route). */
const simulatorBasePath = '/sim/v1'

const schema = v.object({ offset: v.number(), text: v.string() })

/**
 * What the machine has written to its serial console since `offset`, in characters. Throws EACSNOCONSOLELOG (failed) on every
 * cluster but a simulator that boots machines.
 */
export async function readConsoleLog(
  http: PrismHttp,
  uuid: string,
  options: CallOptions & { offset?: number } = {},
): Promise<ConsoleLog> {
  try {
    const { body } = await http.request({
      method: 'GET',
      basePath: simulatorBasePath,
      path: vmPath(uuid, '/console_log'),
      query: { offset: options.offset },
      deadline: options.deadline,
      doing: 'reading the console log',
    })
    return understand(schema, body, 'a console log')
  } catch (error) {
    if (!isAcsError(error, 'EACSNOTFOUND') && !isAcsError(error, 'EACSPRISM')) throw error
    throw new AcsError('failed', 'EACSNOCONSOLELOG', 'this cluster gives no console log over its API', {
      cause: error,
      hints: [
        "Prism's web console shows the machine's screen: VM, Launch Console",
        'acs sim start --hypervisor qemu keeps one of each machine',
      ],
    })
  }
}
