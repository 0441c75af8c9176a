import { Config, Errors } from '@oclif/core'
import type { Command, Interfaces } from '@oclif/core'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AcsError } from '../base/errors.js'
import { toldFailure } from './base-command.js'
import { defect, failureDocument, failureOf, failureText } from './errors.js'
import { findNamed, visibleCommands } from './grammar.js'
import { handleSignals, Interruption } from './interrupt.js'
import { machineFormat } from './output/document.js'
import { report } from './report.js'
import { writeStdout } from './stdout.js'
import { unknownCommand } from './usage-errors.js'

export interface Program {
  /** Folder of package.json and oclif.manifest.json. */
  root: string
  /** The class of a command, loaded when it runs. */
  load: (id: string) => Command.Class | Promise<Command.Class>
}

/** Something that keeps the event loop alive after the work is done must not keep the user waiting. */
const lingerMs = 500

/** Runs one command line and sets the exit code; every way out of the program passes here. */
export async function main(argv: readonly string[], program: Program): Promise<void> {
  leaveOnSignalsAndDefects(argv)
  // A promise that nothing will ever settle lets the event loop run dry, and Node then ends with 0 as if all were well.
  const stuck = (): void => leaveFor(defect('the work waits for something that will never come'), argv)
  process.once('beforeExit', stuck)
  try {
    await run(argv, program)
  } catch (error) {
    process.exitCode = await exitCodeFor(error, argv)
  }
  process.removeListener('beforeExit', stuck)
  setTimeout(() => process.exit(), lingerMs).unref()
}

async function run(argv: readonly string[], { root, load }: Program): Promise<void> {
  // Plugins of a user or a developer would be code from a folder acs does not own.
  // Giving it package.json spares oclif's search for it.
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Interfaces.PJSON
  const config = await Config.load({ root, pjson, userPlugins: false, devPlugins: false })
  if (argv[0] === '--version' || argv[0] === '-V') {
    process.stdout.write(`${config.userAgent}\n`)
    return
  }
  const named = findNamed(argv, new Set(config.commandIDs))
  if (named.kind === 'topic' && !wantsHelp(named.rest) && machineFormat(named.rest))
    throw incomplete(named.words, config)
  if (argv.length === 0 || named.kind === 'topic' || wantsHelp(argv)) {
    const { showHelp } = await import('./help.js')
    await showHelp(config, named)
    return
  }
  if (named.kind === 'unknown') throw unknownCommand(named.words, named.rest, visibleCommands(config))
  const id = canonicalId(named.words.join(':'), config)
  const command = await load(id)
  command.id = id
  await command.run(named.rest, config)
}

/** oclif lists a command's aliases as commands of their own; their class is the original's. */
function canonicalId(id: string, config: Config): string {
  const original = config.commands.find(
    (command) => command.id !== id && [...command.aliases, ...command.hiddenAliases].includes(id),
  )
  return original?.id ?? id
}

function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  const words = end === -1 ? argv : argv.slice(0, end)
  return words.includes('--help') || words.includes('-h')
}

function incomplete(words: readonly string[], config: Config): AcsError {
  const beginning = `${words.join(' ')} `
  return new AcsError('usage', 'EACSCOMMANDUNKNOWN', `"${words.join(' ')}" needs an action`, {
    hints: visibleCommands(config)
      .filter((command) => command.startsWith(beginning))
      .map((command) => `acs ${command}`),
  })
}

async function exitCodeFor(error: unknown, argv: readonly string[]): Promise<number> {
  const told = toldFailure(error)
  if (told) return told.exitCode
  // oclif's way to end early, with its own code.
  if (error instanceof Errors.ExitError) return error.oclif.exit ?? 0
  return (await report(error, { argv })).exitCode
}

function leaveOnSignalsAndDefects(argv: readonly string[]): void {
  handleSignals((signalName) => {
    const reason = new Interruption(signalName)
    const error = new AcsError('interrupted', 'EACSINTERRUPTED', reason.message, { cause: reason })
    const failure = failureOf(error)
    // No time to load anything: JSON is YAML, too.
    if (machineFormat(argv)) writeStdout(`${JSON.stringify(failureDocument(failure, []), null, 2)}\n`)
    else process.stderr.write(failureText(failure))
  })
  const leave = (error: unknown): void => leaveFor(error, argv)
  process.on('uncaughtException', leave)
  process.on('unhandledRejection', leave)
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

function leaveFor(error: unknown, argv: readonly string[]): void {
  void report(error, { argv }).then(({ exitCode }) => process.exit(exitCode))
}
