// Asks a plugin for all volumes and for one of them, again and again, and prints what each answer took, as JSON. A process
// of its own, as dockerd is: in the one that has just made thousands of groups its own garbage would be measured too.
// Arguments: SOCKET CALLS EVERY_MS VOLUMES
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fillName } from '../fill.js'

/** Milliseconds of each call, until its last byte was here. */
export interface Asked {
  list: number[]
  get: number[]
}

const [socketPath = '', ...numbers] = process.argv.slice(2)
const [calls = 0, everyMs = 0, volumes = 1] = numbers.map(Number)
const agent = new Agent({ keepAlive: true })
const asked: Asked = { list: [], get: [] }
const begun = performance.now()
for (let index = 0; index < calls; index += 1) {
  await sleep(Math.max(0, begun + index * everyMs - performance.now()))
  const listed = performance.now()
  await call('List', {})
  asked.list.push(performance.now() - listed)
  const got = performance.now()
  const bytes = await call('Get', { Name: fillName((index * 7919) % volumes) })
  asked.get.push(performance.now() - got)
  if (bytes < 100) throw new Error('Get says nothing')
}
agent.destroy()
process.stdout.write(JSON.stringify(asked))

/** Bytes of the answer, which is not looked into: that is dockerd's time. */
function call(name: string, body: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, socketPath, method: 'POST', path: `/VolumeDriver.${name}` }, (response) => {
      let bytes = 0
      response.on('data', (part: Buffer) => (bytes += part.length))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(bytes)
        else reject(new Error(`${name}: ${response.statusCode ?? 0}`))
      })
    })
    sent.on('error', reject)
    sent.end(JSON.stringify(body))
  })
}
