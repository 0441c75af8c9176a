#!/usr/bin/env node
/* global require, __dirname */
// acs from its sources, without a build: node bin/dev.js volume list. The manifest must know the command: npm run manifest.
'use strict'

const path = require('node:path')
const { pathToFileURL } = require('node:url')

const root = path.join(__dirname, '..')

async function start() {
  const { register } = await import('tsx/esm/api')
  register()
  const source = (file) => import(pathToFileURL(path.join(root, 'src', file)).href)
  const { main } = await source('index.ts')
  const load = async (id) => (await source(`commands/${id.replaceAll(':', '/')}.ts`)).default
  await main(process.argv.slice(2), { root, load })
}

void start()
