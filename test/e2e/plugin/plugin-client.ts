import { Agent, request } from 'node:http'
import { keepText } from '../../secrets/evidence.js'

export interface Answer {
  status: number
  body: Record<string, unknown>
}

/** Calls a plugin as dockerd does. Rejects when the connection is dropped. */
export function pluginClient(socketPath: string): {
  call: (name: string, body?: object) => Promise<Answer>
  /** The answer's body; throws the plugin's error. */
  ok: (name: string, body?: object) => Promise<Record<string, unknown>>
  close: () => void
} {
  const agent = new Agent({ keepAlive: true })
  const call = (name: string, body?: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? '' : `${JSON.stringify(body)}\n`
      const sent = request(
        {
          agent,
          socketPath,
          path: name.startsWith('Plugin.') ? `/${name}` : `/VolumeDriver.${name}`,
          method: 'POST',
          headers: {
            'User-Agent': 'Go-http-client/1.1',
            'Content-Length': Buffer.byteLength(text),
            Accept: 'application/vnd.docker.plugins.v1.2+json',
          },
        },
        (response) => {
          let answer = ''
          response.setEncoding('utf8')
          response.on('data', (part: string) => (answer += part))
          response.on('error', reject)
          response.on('end', () => {
            keepText(`answer to ${name} ${text}`.trim(), answer)
            try {
              resolve({ status: response.statusCode ?? 0, body: JSON.parse(answer) as Record<string, unknown> })
            } catch (error) {
              reject(error instanceof Error ? error : new Error(String(error)))
            }
          })
        },
      )
      sent.on('error', reject)
      sent.end(text)
    })
  return {
    call,
    async ok(name, body) {
      const answer = await call(name, body)
      if (answer.status !== 200) throw new Error(`${name}: ${String(answer.body.Err)}`)
      return answer.body
    },
    close: () => agent.destroy(),
  }
}
