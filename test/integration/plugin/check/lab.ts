import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadlineIn } from '../../../../src/lib/base/deadline.js'
import { allChecks } from '../../../../src/lib/plugin/check/all-checks.js'
import { runChecks, type CheckReport, type CheckRunOptions } from '../../../../src/lib/plugin/check/run.js'
import { createReferencePlugin, type ReferenceOptions, type ReferencePlugin } from './reference-plugin.js'

export interface CheckLab {
  folder: string
  socketPath: string
  plugin: ReferencePlugin
  check: (options?: Partial<CheckRunOptions>) => Promise<CheckReport>
  close: () => Promise<void>
}

/** A reference plugin on a socket of its own, and the kit with all it can do, in a hurry. */
export async function startCheckLab(reference: Partial<ReferenceOptions> = {}): Promise<CheckLab> {
  const folder = await mkdtemp(join(tmpdir(), 'ck-'))
  const socketPath = join(folder, 'p.sock')
  const plugin = createReferencePlugin({ socketPath, folder, ...reference })
  await plugin.start()
  return {
    folder,
    socketPath,
    plugin,
    check: (options = {}) =>
      runChecks({
        socketPath,
        checks: allChecks,
        deadline: deadlineIn(50_000),
        prefix: 'kit',
        createOptions: {},
        mounts: true,
        looks: true,
        restart: async () => {
          await plugin.stop()
          await plugin.start()
        },
        timing: { idleMs: 300, settleMs: 200, returnMs: 2_000, pausesMs: [50, 500] },
        limitsMs: { long: 10_000, short: 4_000 },
        ...options,
      }),
    async close() {
      await plugin.stop()
      // A call that was given up may still be at work in it.
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

/** `fail` and `warn` by check. */
export function troubles(report: CheckReport): Record<string, string> {
  return Object.fromEntries(
    report.results.filter(({ status }) => status === 'fail' || status === 'warn').map(({ id, status }) => [id, status]),
  )
}
