import { request } from 'node:http'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { keepText } from '../../secrets/evidence.js'

/** Every plugin of the e2e tests tells all it can, so that a secret in a log line of any level, or in a metric, would be seen. */
export const talkativeEnvironment = { ACS_DEBUG: '1' }

/** @param folder short, as the path of a socket has 107 bytes */
export function talkativeConfig(folder: string): string {
  return `log: debug\nmetrics: unix:${join(folder, 'metrics.sock')}`
}

const pages = ['/metrics', '/status']

/** Keeps what a running plugin shows to this machine: each page of each socket of those folders that answers HTTP. */
export async function keepLocalPages(...folders: readonly string[]): Promise<void> {
  for (const folder of folders)
    for (const name of await readdir(folder).catch(() => []))
      if (name.endsWith('.sock'))
        for (const page of pages) keepText(`${page} of ${join(folder, name)}`, await read(join(folder, name), page))
}

/** Empty when there is no such page, and when the plugin was killed. */
function read(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve) => {
    const sent = request({ socketPath, path, timeout: 5_000 }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.once('close', () => resolve(answer.statusCode === 200 ? text : ''))
    })
    sent.once('timeout', () => sent.destroy())
    sent.once('error', () => resolve(''))
    sent.end()
  })
}
