import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allChecks } from '../../../src/lib/plugin/check/all-checks.js'
import type { CheckReport } from '../../../src/lib/plugin/check/run.js'
import { acs, projectRoot, startAcs } from '../../integration/cli/acs.js'
import { canMount, startMountedLab, type MountedLab } from '../volume/mounted-lab.js'

describe.skipIf(!canMount('plugin check'))('acs plugin check of acs plugin serve, on a simulated cluster', () => {
  let lab: MountedLab
  let folder: string
  let socket: string
  let restart: string

  /** The plugin is the shell's child, not ours: it is restarted as a service manager would do it. */
  beforeAll(async () => {
    lab = await startMountedLab()
    folder = join(lab.folder, 'plugin')
    socket = join(folder, 'p.sock')
    restart = `sh ${folder}/restart.sh`
    await mkdir(folder)
    const config = join(folder, 'plugin.yaml')
    await writeFile(
      config,
      `mountFolder: ${lab.folder}/mnt\npeer: { listen: '127.0.0.1:0' }\nlinger: 1s\ndefaults: { size: 64M }\n`,
    )
    const program = `${process.execPath} ${join(projectRoot, 'bin', 'run.js')}`
    await writeFile(
      join(folder, 'restart.sh'),
      [
        `pid=$(cat ${folder}/pid 2>/dev/null)`,
        `[ -z "$pid" ] || kill "$pid"`,
        `while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done`,
        ...Object.entries(lab.env).map(([name, value]) => `export ${name}='${value}'`),
        `${program} plugin serve --socket ${socket} --config ${config} 2>>${folder}/log &`,
        `echo $! > ${folder}/pid`,
        '',
      ].join('\n'),
    )
    const { runRestartCommand } = await import('../../../src/lib/plugin/check/restart-command.js')
    const { deadlineIn } = await import('../../../src/lib/base/deadline.js')
    await runRestartCommand(restart, deadlineIn(20_000))
    while ((await acs(['plugin', 'check', socket, '--only', 'activate.implements'])).code !== 0);
  })
  afterAll(async () => {
    await stop(Number(await readFile(join(folder, 'pid'), 'utf8')))
    await lab.clean()
    await lab.close()
  })

  /** Ends the plugin and waits for that. */
  async function stop(pid: number): Promise<void> {
    const { setTimeout: wait } = await import('node:timers/promises')
    for (let signal: NodeJS.Signals | 0 = 'SIGTERM'; ; signal = 0)
      try {
        process.kill(pid, signal)
        await wait(50)
      } catch {
        return
      }
  }

  it('finds that all that is required holds', async () => {
    const args = ['plugin', 'check', socket, '--restart', restart, '--json', '--timeout', '4m']
    const { code, stdout, stderr } = await startAcs(args, lab.env).ended
    expect(stderr).toBe('')
    const { result } = JSON.parse(stdout) as { result: CheckReport }
    const told = result.results.filter(({ status }) => status !== 'pass')
    expect(told.filter(({ status }) => status !== 'warn')).toEqual([])
    expect(result.results).toHaveLength(allChecks.length)
    expect({ code, leftBehind: result.leftBehind }).toEqual({ code: 0, leftBehind: [] })
  })
})
