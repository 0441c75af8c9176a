import { Flags } from '@oclif/core'
import { AcsError, messageOf } from '../../lib/base/errors.js'
import { AcsCommand } from '../../lib/cli/base-command.js'
import { durationFlag, optionalArg, timeoutFlag } from '../../lib/cli/flags.js'
import type { Columns, JsonRecord } from '../../lib/cli/output/columns.js'
import { style } from '../../lib/cli/terminal.js'
import type { Check, CheckResult } from '../../lib/plugin/check/check.js'
import type { CheckReport } from '../../lib/plugin/check/run.js'
import type { Paint } from '../../lib/plugin/check/text.js'

const columns: Columns<Check> = [
  { key: 'id', header: 'Check', value: ({ id }) => id },
  { key: 'severity', header: 'Severity', value: ({ severity }) => severity },
  { key: 'title', header: 'What holds', value: ({ title }) => title },
  { key: 'why', header: 'Why', default: false, value: ({ why }) => why },
  { key: 'source', header: 'Source', default: false, value: ({ source }) => source },
  { key: 'uses', header: 'Uses', default: false, value: ({ uses = [] }) => [...uses] },
  { key: 'needs', header: 'Needs', default: false, value: ({ needs = [] }) => [...needs] },
]

const paint: Paint = (name, text) => style(name, text, process.stdout)

export default class PluginCheck extends AcsCommand<CheckReport | JsonRecord[], typeof PluginCheck> {
  static override summary = "Check any Docker volume plugin against Docker's protocol: text, JSON or TAP."
  static override description =
    'Speaks to the socket as dockerd and Podman do, and as broken clients do; works with any plugin, not only that of acs. ' +
    'Makes volumes with names of its own and removes them again, also after Ctrl-C. Run it on a plugin whose volumes you can ' +
    'do without. Exit code 0: all that is required holds; 1: something required does not; 6: the socket is dead. ' +
    'docs/plugin-check.md explains each check.'
  static override examples = [
    '<%= config.bin %> plugin check nutanix',
    '<%= config.bin %> plugin check /run/docker/plugins/sshfs.sock --create-option sshcmd=me@host:/dir --remote',
    "<%= config.bin %> plugin check nutanix --restart 'systemctl restart acs-plugin' --tap",
    '<%= config.bin %> plugin check nutanix --only mount --only unmount --json',
    '<%= config.bin %> plugin check --list',
  ]
  static override args = {
    socket: optionalArg("Path of the plugin's socket, or its name: nutanix is /run/docker/plugins/nutanix.sock"),
  }
  static override flags = {
    'create-option': Flags.string({
      summary: 'Option without which the plugin creates no volume; may be repeated.',
      helpValue: 'KEY=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    only: Flags.string({
      summary: 'Only these checks, "mount" or "*.created-at"; may be repeated.',
      helpValue: 'GLOB',
      multiple: true,
      multipleNonGreedy: true,
    }),
    skip: Flags.string({
      summary: 'Not these checks; may be repeated.',
      helpValue: 'GLOB',
      multiple: true,
      multipleNonGreedy: true,
    }),
    restart: Flags.string({
      summary: 'Shell command that restarts the plugin, for the checks of what survives it.',
      helpValue: 'COMMAND',
    }),
    mount: Flags.boolean({
      summary: 'Mount volumes; --no-mount leaves out what needs that.',
      allowNo: true,
      default: true,
    }),
    remote: Flags.boolean({
      summary: 'The mounted folders are not on this machine: mount, but do not look into them.',
    }),
    prefix: Flags.string({ summary: 'Beginning of the names of volumes.', helpValue: 'TEXT', default: 'acs-check' }),
    idle: durationFlag({ summary: 'How long an idle connection has to live (6s).', default: 6_000 }),
    tap: Flags.boolean({ summary: 'Print TAP, for test harnesses such as prove.' }),
    list: Flags.boolean({ summary: 'Print the checks, and run none.' }),
    timeout: timeoutFlag('15m'),
  }

  async run(): Promise<CheckReport | JsonRecord[]> {
    const { allChecks } = await import('../../lib/plugin/check/all-checks.js')
    const { selectChecks } = await import('../../lib/plugin/check/select.js')
    const { only = [], skip = [], list, tap } = this.flags
    const checks = selectChecks(allChecks, { only, skip })
    if (list) return this.showList(columns, checks)
    if (tap && (this.jsonEnabled() || this.flags.output === 'name'))
      throw new AcsError('usage', 'EACSUSAGE', '--tap is a format of its own, and does not go with another')
    const report = await this.check(checks)
    for (const name of report.leftBehind)
      this.warn(`volume ${JSON.stringify(name)} could not be removed; it is left in the plugin`)
    // The report is the result, whatever it says; the exit code is for scripts.
    if (report.summary.fail > 0) process.exitCode = 1
    return report
  }

  private async check(checks: readonly Check[]): Promise<CheckReport> {
    const { runChecks } = await import('../../lib/plugin/check/run.js')
    const { socketOf } = await import('../../lib/plugin/check/socket.js')
    const { runRestartCommand } = await import('../../lib/plugin/check/restart-command.js')
    const { resultText, summaryText } = await import('../../lib/plugin/check/text.js')
    const { tapBailOut, tapHead, tapPoint } = await import('../../lib/plugin/check/tap.js')
    const { restart, mount, remote, prefix, idle, tap, output } = this.flags
    const { socket } = this.args
    if (socket === undefined)
      throw new AcsError('usage', 'EACSMISSING', 'Missing SOCKET', { hints: ['acs plugin check nutanix'] })
    let count = 0
    const show = (result: CheckResult): void => {
      count += 1
      if (tap) this.print(tapPoint(result, count))
      else if (output === 'name') this.print(result.status === 'fail' ? result.id : '')
      else this.print(resultText(result, paint))
    }
    const createOptions = optionsOf(this.flags['create-option'] ?? [])
    if (tap) this.print(tapHead(checks.length))
    try {
      const report = await runChecks({
        socketPath: await socketOf(socket),
        checks,
        deadline: this.deadline,
        prefix: checkedPrefix(prefix),
        createOptions,
        mounts: mount,
        looks: !remote,
        timing: { idleMs: idle },
        onResult: show,
        ...(restart === undefined ? {} : { restart: (deadline) => runRestartCommand(restart, deadline) }),
      })
      if (!tap && output !== 'name') this.print(`\n${summaryText(report, paint)}`)
      return report
    } catch (error) {
      if (tap) this.print(tapBailOut(messageOf(error)))
      throw error
    }
  }
}

function optionsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1)
        throw new AcsError('usage', 'EACSUSAGE', '--create-option is KEY=VALUE', { hints: ['--create-option size=1G'] })
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

/** The rest of a name is up to 12 characters; some plugins take no more than 63 in all. */
function checkedPrefix(prefix: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,31}$/.test(prefix)) return prefix
  throw new AcsError('usage', 'EACSUSAGE', `"${prefix}" cannot begin the name of a volume`, {
    hints: ['Letters, digits, ".", "_" and "-", at most 32'],
  })
}
