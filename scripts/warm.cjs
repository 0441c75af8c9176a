/* global __dirname */
// Runs what people run most, so that the functions those runs call are in the code cache. Its output is thrown away.
const { join } = require('node:path')
const { loadBundle } = require('../bin/load-bundle.js')

const root = join(__dirname, '..')
const { exports: program, saveCodeCache } = loadBundle(join(root, 'dist', 'acs.cjs'))

async function warm() {
  const load = (id) => program.commands[id]
  // Nothing listens at port 1: the call goes all the way to the socket, and comes back with a refusal.
  const endpoint = ['--endpoint', '127.0.0.1:1', '--username', 'warm', '--fingerprint', '00'.repeat(32)]
  await program.main(['container', 'list', ...endpoint, '--password-file', join(__dirname, 'no-such-file')], {
    root,
    load,
  })
  await program.main(['container', 'list', '--help'], { root, load })
  saveCodeCache()
  process.exit(0)
}

void warm()
