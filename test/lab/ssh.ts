import { spawn } from 'node:child_process'
import { join } from 'node:path'

export interface SshResult {
  code: number
  stdout: string
  stderr: string
}

/** A guest's shell, by the lab's key, over one connection that stays open: each new one costs an emulated guest seconds. */
export interface Ssh {
  /** Throws with what it said when it does not end well. */
  run(script: string, options?: { timeoutMs?: number; input?: string }): Promise<string>
  /** The same, whatever it ends with. */
  attempt(script: string, options?: { timeoutMs?: number; input?: string }): Promise<SshResult>
  /** A process that goes on, line by line. */
  follow(script: string, onLine: (line: string) => void): { ended: Promise<number>; stop: () => void }
  /** Forgets the connection, e.g. of a guest that was killed. */
  disconnect(): Promise<void>
}

export function sshTo(address: string, keyFile: string, folder: string): Ssh {
  const options = [
    ...['-i', keyFile, '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
    ...[
      '-o',
      'LogLevel=ERROR',
      '-o',
      'ConnectTimeout=10',
      '-o',
      'ServerAliveInterval=10',
      '-o',
      'ServerAliveCountMax=6',
    ],
    ...['-o', 'ControlMaster=auto', '-o', 'ControlPersist=600', '-o', `ControlPath=${join(folder, 'ssh-%C')}`],
  ]
  const argv = (script: string): string[] => [...options, `root@${address}`, script]

  const attempt: Ssh['attempt'] = (script, { timeoutMs = 120_000, input } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn('ssh', argv(script), { stdio: ['pipe', 'pipe', 'pipe'] })
      const said = { stdout: '', stderr: '' }
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
      // The guest may go away while it is told something.
      child.stdin.on('error', () => undefined)
      child.stdin.end(input ?? '')
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
      child.once('error', reject)
      // Not `close`: the connection that stays open may keep the pipe.
      child.once('exit', (code, signal) => {
        clearTimeout(timer)
        const late = signal === 'SIGKILL' ? `\nno answer within ${timeoutMs / 1000} s` : ''
        setImmediate(() => resolve({ code: code ?? 255, stdout: said.stdout, stderr: said.stderr + late }))
      })
    })

  return {
    attempt,
    async run(script, given) {
      const { code, stdout, stderr } = await attempt(script, given)
      if (code !== 0) throw new Error(`${address}: ${script}\nended with ${code}:\n${stdout}${stderr}`)
      return stdout
    },
    follow(script, onLine) {
      const child = spawn('ssh', argv(script), { stdio: ['ignore', 'pipe', 'inherit'] })
      let rest = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        lines.forEach(onLine)
      })
      return {
        ended: new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 255))),
        stop: () => void child.kill('SIGTERM'),
      }
    },
    disconnect: () =>
      new Promise((resolve) => {
        const child = spawn('ssh', [...options, '-O', 'exit', `root@${address}`], { stdio: 'ignore' })
        child.once('exit', () => resolve())
      }),
  }
}
