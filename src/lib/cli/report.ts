import { printableLines } from '../base/printable.js'
import { failureDocument, failureOf, failureText, stackText, toAcsError } from './errors.js'
import type { Failure } from './errors.js'
import { documentText, machineFormat } from './output/document.js'
import { writeStdout } from './stdout.js'
import type { UsageContext } from './usage-errors.js'

export interface ReportOptions {
  argv: readonly string[]
  context?: UsageContext
  warnings?: readonly string[]
}

/** Tells the user of an error in the format the command line asks for: one document on stdout, or words on stderr. */
export async function report(error: unknown, options: ReportOptions): Promise<Failure> {
  const { argv, warnings = [] } = options
  const known = toAcsError(error, options.context)
  const failure = failureOf(known)
  const format = machineFormat(argv)
  // Where the output failed, a document would fail too.
  if (format && failure.code !== 'EACSOUTPUT')
    writeStdout(await documentText(failureDocument(failure, warnings), format))
  else process.stderr.write(failureText(failure))
  if (argv.includes('--debug')) process.stderr.write(printableLines(stackText(known)))
  return failure
}
