import { Flags } from '@oclif/core'
import { isAcsError } from '../lib/base/errors.js'
import { AcsCommand } from '../lib/cli/base-command.js'
import { createHost } from '../lib/cli/connection.js'
import { destructiveFlags } from '../lib/cli/flags.js'
import type { JsonRecord, JsonValue } from '../lib/cli/output/columns.js'
import { style } from '../lib/cli/terminal.js'
import { defaultStateFolder } from '../lib/host/roots.js'
import type { ClusterAccess, DoctorContext } from '../lib/doctor/context.js'
import type { Finding, Severity } from '../lib/doctor/finding.js'
import type { FixOutcome } from '../lib/doctor/fix.js'

const colours = { ok: 'green', info: 'dim', warning: 'yellow', problem: 'red' } as const

export default class Doctor extends AcsCommand<JsonRecord, typeof Doctor> {
  static override summary = 'Check this machine, the way to the cluster, and what was left over; with --fix, clean up.'
  static override description =
    'Looks at tools, initiators, ports, clocks, Docker and Podman, then compares this machine with the cluster. Changes nothing without --fix, and then only what is provably of acs. Exit code 1 while a problem remains; warnings alone are 0. docs/doctor.md explains every finding.'
  static override examples = [
    '<%= config.bin %> doctor',
    'sudo <%= config.bin %> doctor --fix',
    '<%= config.bin %> doctor --json | jq \'.result.findings[] | select(.severity == "problem")\'',
  ]
  static override flags = {
    fix: Flags.boolean({ summary: 'Apply the cures that acs can apply itself, after a question.' }),
    'dry-run': Flags.boolean({ summary: 'Print what --fix would do, and do nothing.' }),
    yes: destructiveFlags.yes,
    quiet: Flags.boolean({ char: 'q', summary: 'Only problems and warnings.' }),
  }

  async run(): Promise<JsonRecord> {
    const { examine } = await import('../lib/doctor/doctor.js')
    const { applyFixes, fixable } = await import('../lib/doctor/fix.js')
    const context = await this.doctorContext()
    this.progress.start('Looking')
    let findings = await examine(context)
    this.progress.done()
    const cures = fixable(findings)
    let fixes: FixOutcome[] = []
    if (this.flags['dry-run'])
      this.showLines(
        'Would do',
        cures.map(({ fix }) => fix?.words ?? ''),
        'Nothing to do.',
      )
    else if (this.flags.fix && cures.length > 0) {
      this.say(cures.map(({ fix }) => `  ${fix?.words ?? ''}`).join('\n'))
      await this.prompt.confirm(`Do these ${cures.length}?`)
      fixes = await applyFixes(findings, this.deadline)
      findings = await examine(context)
      this.tellFixes(fixes)
    }
    if (!this.flags['dry-run']) await this.show(findings)
    const problems = findings.filter(({ severity }) => severity === 'problem').length
    // Not an error: the findings are the result, and this says whether one of them matters.
    if (problems > 0) process.exitCode = 1
    return {
      problems,
      findings: await Promise.all(findings.map(record)),
      ...(this.flags['dry-run'] ? { planned: cures.map(({ fix }) => fix?.words ?? '') } : {}),
      ...(this.flags.fix
        ? { fixes: fixes.map((outcome): JsonValue => ({ ...outcome, done: [...outcome.done] })) }
        : {}),
    }
  }

  private async show(findings: readonly Finding[]): Promise<void> {
    const { findingSections, sections } = await import('../lib/doctor/finding.js')
    const { printable } = await import('../lib/base/printable.js')
    const shown = this.flags.quiet
      ? findings.filter(({ severity }) => severity === 'problem' || severity === 'warning')
      : findings
    if (this.flags.output === 'name') {
      this.print(shown.map(({ id, about }) => `${id}${about === undefined ? '' : `:${printable(about)}`}`).join('\n'))
      return
    }
    const width = 9
    const lines: string[] = []
    for (const [section, title] of Object.entries(sections)) {
      const inSection = shown.filter(({ id }) => findingSections[id] === section)
      if (inSection.length === 0) continue
      lines.push(...(lines.length > 0 ? [''] : []), style('bold', title, process.stdout))
      for (const finding of inSection) {
        const { severity, evidence, cure } = finding
        lines.push(`  ${mark(severity, width)}${printable(finding.title)}`)
        if (severity === 'ok') continue
        const indent = ' '.repeat(width + 2)
        lines.push(...evidence.map((text) => `${indent}seen: ${printable(text)}`))
        lines.push(...cure.map((text) => `${indent}cure: ${printable(text)}`))
        if (finding.fix) lines.push(`${indent}fix:  acs doctor --fix would ${printable(finding.fix.words)}`)
      }
    }
    this.print([...lines, '', summaryOf(findings)].join('\n'))
  }

  private showLines(title: string, texts: readonly string[], none: string): void {
    if (texts.length === 0) this.say(none)
    else this.print([`${title}:`, ...texts.map((text) => `  ${text}`)].join('\n'))
  }

  private tellFixes(fixes: readonly FixOutcome[]): void {
    for (const { words, done, error } of fixes) {
      if (error !== undefined) this.warn(`could not ${words}: ${error}`)
      else this.say([`Done: ${words}`, ...done.map((text) => `  ${text}`)].join('\n'))
    }
  }

  private async doctorContext(): Promise<DoctorContext> {
    const { createInitiators } = await import('../lib/host/machine.js')
    const { createRunner } = await import('../lib/host/exec.js')
    const { machineRoots, defaultRuntimeFolder } = await import('../lib/host/roots.js')
    const { systemUnitFolders } = await import('../lib/host/systemd-unit.js')
    const { plugin, error } = await pluginSettings()
    const state = defaultStateFolder()
    return {
      host: await createHost(this.debugLog),
      initiators: createInitiators({ stateFolder: state }),
      runner: createRunner(),
      roots: machineRoots,
      stateFolder: state,
      runtimeFolder: defaultRuntimeFolder(),
      mountFolder: plugin.mountFolder,
      ...(error === undefined ? {} : { pluginConfigError: error }),
      pluginFolder: '/run/docker/plugins',
      dockerSocket: plugin.dockerSocket.replace(/^unix:\/\//, ''),
      unitFolders: systemUnitFolders,
      containersConfs: ['/usr/share/containers/containers.conf', '/etc/containers/containers.conf'],
      containersConfFolder: '/etc/containers/containers.conf.d',
      env: process.env,
      cluster: () => this.clusterAccess(),
      deadline: this.deadline,
    }
  }

  private async clusterAccess(): Promise<ClusterAccess> {
    const { parseEndpoint } = await import('../lib/prism/endpoint.js')
    const { readClock } = await import('../lib/prism/clock.js')
    const connection = await this.connection()
    // Here, where a person may be asked, and not within the time of a check.
    await connection.password()
    const { endpoint, authority, ca, fingerprint, dataServices } = connection
    const { host, port } = parseEndpoint(endpoint)
    return {
      prism: await this.prism(),
      authority,
      host,
      port,
      ...(dataServices === undefined ? {} : { dataServices }),
      otherClusters: await this.otherClusters(endpoint),
      clock: (deadline) => readClock(endpoint, { ca, fingerprint }, deadline),
    }
  }

  /** Contexts of other clusters, by name. */
  private async otherClusters(endpoint: string): Promise<string[]> {
    const { readConfig } = await import('../lib/config/config-file.js')
    const { configFile } = await import('../lib/config/paths.js')
    const { isSameEndpoint } = await import('../lib/prism/endpoint.js')
    const { contexts } = await readConfig(configFile(process.env))
    return Object.entries(contexts).flatMap(([name, context]) =>
      isSameEndpoint(context.endpoint, endpoint) ? [] : [name],
    )
  }
}

/** The plugin's settings, which say where it mounts and where Docker is; its defaults where they cannot be used. */
async function pluginSettings() {
  const {
    defaultConfigFile,
    pluginSettings: settingsOf,
    readPluginSettings,
  } = await import('../lib/plugin/settings.js')
  try {
    return { plugin: await readPluginSettings(defaultConfigFile) }
  } catch (error) {
    if (!isAcsError(error)) throw error
    return { plugin: settingsOf({}), error }
  }
}

function mark(severity: Severity, width: number): string {
  return style(colours[severity], severity.padEnd(width), process.stdout)
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (wanted: Severity): number => findings.filter(({ severity }) => severity === wanted).length
  const [problems, warnings] = [count('problem'), count('warning')]
  if (problems + warnings === 0) return 'All is well.'
  return `${problems} problem${problems === 1 ? '' : 's'}, ${warnings} warning${warnings === 1 ? '' : 's'}.`
}

/** A finding for `--json`. */
async function record(finding: Finding): Promise<JsonRecord> {
  const { findingSections } = await import('../lib/doctor/finding.js')
  const { id, severity, about, title, evidence, cure, fix } = finding
  return {
    section: findingSections[id],
    id,
    severity,
    about: about ?? null,
    title,
    evidence: [...evidence],
    cure: [...cure],
    fix: fix?.words ?? null,
  }
}
