// Assembles the managed Docker plugin: `npm run package:plugin [-- --out DIR] [--node FILE]`. What comes of it is taken by
// `docker plugin create NAME DIR`; docs/managed-plugin.md says the rest. No registry of images is needed: Node (the one that runs
// this), its libraries and busybox are this machine's, Debian's; acs is the build in dist.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './commands.mjs'

const { values } = parseArgs({
  options: { out: { type: 'string', default: join(root, 'tmp', 'plugin') }, node: { type: 'string' } },
})
const out = resolve(values.out)
const node = values.node ?? process.execPath
const rootfs = join(out, 'rootfs')
const source = join(root, 'packaging', 'managed-plugin')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

if (!existsSync(join(root, 'dist', 'acs.cjs'))) stop('acs is not built. Try: npm run build')
// Nothing of anybody else's is removed by a wrong --out.
if (existsSync(out) && readdirSync(out).some((name) => !['rootfs', 'config.json'].includes(name)))
  stop(`${out} holds other things than a plugin; choose an empty folder`)

rmSync(out, { recursive: true, force: true })
// Mount points, as dockerd expects to find or make them.
for (const folder of ['bin', 'lib', 'proc', 'sys', 'dev', 'etc', 'tmp', 'run/docker/plugins', 'mnt/acs'])
  mkdirSync(join(rootfs, folder), { recursive: true })
copyProgram()
copyNode()
copyBusybox()
for (const name of ['launch', 'launch-on-host']) copy(join(source, name), join(rootfs, name), 0o755)
writeConfig()

const bytes = execFileSync('du', ['-s', '--block-size=1M', out], { encoding: 'utf8' }).split('\t')[0]
console.error(`${out}: acs ${version} with Node ${nodeVersion()}, ${bytes} MiB. Next:`)
console.error(`  docker plugin create nutanix ${out}
  docker plugin set nutanix PRISM_IP=prism.example.com PRISM_USERNAME=docker ACS_FINGERPRINT=AA:BB:...
  docker plugin enable --timeout 0 nutanix`)

function copyProgram() {
  const opt = join(rootfs, 'opt', 'acs')
  const built = readdirSync(join(root, 'dist')).filter((name) => /^acs\.cjs(\..*\.cache)?$/.test(name))
  const files = [
    ...['run.js', 'load-bundle.js', 'package.json'].map((name) => join('bin', name)),
    ...built.map((name) => join('dist', name)),
    ...['package.json', 'oclif.manifest.json', 'LICENSE'],
  ]
  for (const file of files) copy(join(root, file), join(opt, file), 0o644)
}

/** Node, and every library it is linked to, with the loader under a name that is the same on all machines. */
function copyNode() {
  copy(node, join(rootfs, 'bin', 'node'), 0o755)
  const links = execFileSync('ldd', [node], { encoding: 'utf8' })
  for (const [, path] of links.matchAll(/(?:=>\s+|^\s+)(\/\S+)\s+\(/gm)) {
    const isLoader = /^ld-linux.*\.so/.test(basename(path))
    copy(path, join(rootfs, 'lib', basename(path)), 0o755)
    if (isLoader) symlinkSync(basename(path), join(rootfs, 'lib', 'loader'))
  }
  if (!existsSync(join(rootfs, 'lib', 'loader'))) stop(`${node} is not linked to a C library that this knows`)
}

/** The tools of `launch`, in one static program: what it calls are links to it. */
function copyBusybox() {
  copy(findBusybox(), join(rootfs, 'bin', 'busybox'), 0o755)
  for (const tool of ['sh', 'awk', 'ls', 'nsenter']) symlinkSync('busybox', join(rootfs, 'bin', tool))
}

function findBusybox() {
  if (isStatic('/bin/busybox')) return '/bin/busybox'
  const folder = mkdtempSync(join(tmpdir(), 'acs-busybox-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  execFileSync('apt-get', ['download', '-qq', 'busybox-static'], { cwd: folder, stdio: 'inherit' })
  const [archive] = readdirSync(folder)
  execFileSync('dpkg-deb', ['--extract', archive, '.'], { cwd: folder })
  return (
    ['bin/busybox', 'usr/bin/busybox'].map((path) => join(folder, path)).find(isStatic) ?? stop('no static busybox')
  )
}

function isStatic(path) {
  if (!existsSync(path)) return false
  try {
    return !execFileSync('ldd', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).includes('=>')
  } catch {
    // ldd(1) exits with 1: not a dynamic executable.
    return true
  }
}

function writeConfig() {
  const config = JSON.parse(readFileSync(join(source, 'config.json'), 'utf8'))
  config.description = `${config.description} (acs ${version})`
  writeFileSync(join(out, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

function nodeVersion() {
  return execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()
}

/** Follows links: what the plugin holds must be whole. */
function copy(from, to, mode) {
  mkdirSync(join(to, '..'), { recursive: true })
  copyFileSync(from, to)
  chmodSync(to, mode)
}

function stop(why) {
  console.error(why)
  process.exit(1)
}
