#!/usr/bin/env node
/* global require, __dirname */
// CommonJS on purpose: Node's ESM loader costs a third of a bare start.
'use strict'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`acs needs Node.js 20.19 or newer; this is ${process.versions.node} (${process.execPath})\n`)
  process.exit(8)
}

const path = require('node:path')
const { loadBundle } = require('./load-bundle.js')

const root = path.join(__dirname, '..')
const { exports: program, saveCodeCache } = loadBundle(path.join(root, 'dist', 'acs.cjs'))
program.main(process.argv.slice(2), { root, load: (id) => program.commands[id] }).then(saveCodeCache)
