/* global __dirname */
// Runs what people run most, so that the functions those runs call are in the code cache. Its output is thrown away.
const { X509Certificate } = require('node:crypto')
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { createServer } = require('node:https')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { generate } = require('selfsigned')
const { loadBundle } = require('../bin/load-bundle.js')

const root = join(__dirname, '..')
const { exports: program, saveCodeCache } = loadBundle(join(root, 'dist', 'acs.cjs'))
const folder = mkdtempSync(join(tmpdir(), 'acs-warm-'))

/** As much of Prism as a list needs. */
const answers = {
  volume_groups: [
    {
      uuid: '00000000-0000-0000-0000-000000000001',
      name: 'warm',
      description: '',
      logical_timestamp: 1,
      disk_list: [{ index: 0, vmdisk_uuid: 'disk', vmdisk_size_bytes: 2 ** 30, storage_container_uuid: 'container' }],
      attachment_list: [{ iscsi_initiator_name: 'iqn.2026-11.example:warm' }],
    },
  ],
  storage_containers: [{ storage_container_uuid: 'container', name: 'warm', usage_stats: {} }],
}

async function warm() {
  const { port, pair } = await serve()
  const load = (id) => program.commands[id]
  const run = (...args) => program.main(args, { root, load })
  const login = ['--username', 'warm', '--password-file', file('password', 'warm')]
  const endpoint = ['--endpoint', `127.0.0.1:${port}`, ...login]
  await run('volume', 'list', ...endpoint, '--ca-file', file('ca.pem', pair.cert))
  await run('container', 'list', ...endpoint, '--fingerprint', pair.fingerprint)
  if (process.exitCode) throw new Error('a run that was to warm the cache failed')
  await run('container', 'list', '--help')
  saveCodeCache()
}

async function serve() {
  const altNames = [{ type: 7, ip: '127.0.0.1' }]
  const extensions = [{ name: 'subjectAltName', altNames }]
  const made = await generate([{ name: 'commonName', value: 'warm' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions,
  })
  const pair = { cert: made.cert, key: made.private, fingerprint: new X509Certificate(made.cert).fingerprint256 }
  const server = createServer(pair, (request, response) => {
    const entities = answers[request.url.split('?')[0].split('/').at(-2)]
    response.setHeader('set-cookie', 'JSESSIONID=warm; Path=/; Secure; HttpOnly')
    response.end(JSON.stringify({ metadata: {}, entities }))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: server.address().port, pair }
}

function file(name, content) {
  const path = join(folder, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

warm().then(
  () => leave(0),
  (error) => {
    console.error(error)
    leave(1)
  },
)

function leave(code) {
  rmSync(folder, { recursive: true })
  process.exit(code)
}
