import { execFile, type ExecFileOptions } from 'node:child_process'

export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** Longer than an engine's client waits for a mount. */
const timeoutMs = 150_000

/** Runs a tool to its end; never throws. */
export function runTool(tool: string, args: readonly string[], options: ExecFileOptions = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(tool, args, { timeout: timeoutMs, ...options, encoding: 'utf8' }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0
      resolve({ code, stdout, stderr: stderr || (error && code === 255 ? error.message : '') })
    })
  })
}

/** A tool's output, trimmed. Throws what it says when it fails. */
export async function outputOf(tool: string, args: readonly string[], options: ExecFileOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runTool(tool, args, options)
  if (code !== 0) throw new Error(`${tool} ${args.join(' ')}: exit ${code}: ${stderr || stdout}`)
  return stdout.trim()
}
