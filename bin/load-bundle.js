/* global require, module */
'use strict'

const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const vm = require('node:vm')

/**
 * Loads the CommonJS bundle with V8's code cache, kept beside it: compiling 2 MB of JavaScript at each start
 * would cost more than running it. The cache belongs to one build of acs and one of V8, both in its name (V8 checks its own version
 * and flags too); a missing or rejected one only makes this start slower, and is written again when the
 * folder is ours to write. Never in /tmp: the cache is code.
 */
function loadBundle(file) {
  // Stacks are shown with --debug only, and then with the names of the sources; source maps work for require() alone.
  if (process.argv.includes('--debug')) {
    process.setSourceMapsEnabled(true)
    return { exports: require(file), saveCodeCache: () => undefined }
  }
  // esbuild writes plain ASCII, which is read fastest as one byte a character.
  const source = readBundle(file)
  const build = /^\/\*build ([0-9a-f]+)/.exec(source)?.[1] ?? 'unknown'
  const cacheFile = `${file}.${build}.${process.versions.v8}-${process.arch}.cache`
  const cachedData = readIfThere(cacheFile)
  const script = new vm.Script(Module.wrap(source), { filename: file, cachedData })

  const bundle = new Module(file)
  bundle.filename = file
  bundle.paths = Module._nodeModulePaths(path.dirname(file))
  // oclif finds the commands by requiring the bundle's path.
  require.cache[file] = bundle
  const bundleRequire = Module.createRequire(file)
  script.runInThisContext().call(bundle.exports, bundle.exports, bundleRequire, bundle, file, path.dirname(file))
  bundle.loaded = true

  const usable = cachedData !== undefined && !script.cachedDataRejected
  return { exports: bundle.exports, saveCodeCache: () => usable || writeCache(script, cacheFile) }
}

function readBundle(file) {
  try {
    return fs.readFileSync(file, 'latin1')
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    process.stderr.write(`acs is not built: ${file} is missing. Try: npm run build\n`)
    process.exit(10)
  }
}

function readIfThere(file) {
  try {
    return fs.readFileSync(file)
  } catch {
    return undefined
  }
}

/** After the work, so that what ran is in it. Whatever goes wrong, the next start is just as slow. */
function writeCache(script, cacheFile) {
  const temporary = `${cacheFile}.${process.pid}`
  try {
    fs.writeFileSync(temporary, script.createCachedData(), { flag: 'wx', mode: 0o644 })
    fs.renameSync(temporary, cacheFile)
  } catch {
    fs.rmSync(temporary, { force: true })
  }
}

module.exports = { loadBundle }
