// Builds dist/acs.cjs, the whole program in one CommonJS file with lazy commands, and V8's code cache beside it.
// Runs in `npm ci` (prepare); in a package without sources there is nothing to do.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandFiles, root } from './commands.mjs'
import { leanAxios } from './lean-axios.mjs'
import { leanInquirer } from './lean-inquirer.mjs'
import { leanOclif } from './lean-oclif.mjs'

/**
 * Not in the bundle: keytar is optional and native; the rest belongs to development and is only named by
 * libraries that try whether it is there.
 */
const external = ['keytar', 'typescript', 'ts-node', 'tsx', 'tsconfck']

if (!existsSync(join(root, 'src'))) process.exit(0)

const { build } = await import('esbuild')
const started = performance.now()
const dist = join(root, 'dist')
/** Replaced by a hash of the bundle: V8 compares no more than the length of a source with its code cache. */
const buildId = '/*build 0000000000000000*/'

const result = await build({
  stdin: { contents: entry(), resolveDir: root, sourcefile: 'entry.ts', loader: 'ts' },
  outfile: join(dist, 'acs.cjs'),
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  // Half the text is half the time to read it; --debug maps stacks back to the sources. Lines stay short, because Node
  // prints the whole line that a crash is in.
  minify: true,
  lineLimit: 160,
  sourcemap: 'linked',
  sourcesContent: false,
  write: false,
  external,
  // The bundle runs in vm.Script, which has no import(); what stays external is CommonJS.
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: buildId + 'const bundleUrl=require("node:url").pathToFileURL(__filename).href;' },
  plugins: [leanOclif, leanAxios, leanInquirer],
  logLevel: 'warning',
})

const bytes = writeBundle(result.outputFiles)
writeCodeCache()
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.error(`dist/acs.cjs: ${Math.round(bytes / 1024)} KiB, ${commandFiles().length} commands, ${seconds} s`)

/** Writes the bundle and its map; whoever runs acs meanwhile sees the old one or the new one whole. */
function writeBundle(files) {
  mkdirSync(dist, { recursive: true })
  const [map, code] = ['.map', '.cjs'].map((end) => files.find(({ path }) => path.endsWith(end)))
  const id = createHash('sha256').update(code.contents).digest('hex').slice(0, 16)
  replace(map.path, map.text)
  replace(code.path, code.text.replace(buildId, buildId.replace(/0{16}/, id)))
  // The cache of the same bundle, too: what warms it may have changed.
  for (const name of readdirSync(dist)) if (name.endsWith('.cache')) rmSync(join(dist, name), { force: true })
  return code.contents.length
}

function replace(path, text) {
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, text)
  renameSync(temporary, path)
}

/** The entry: the program and a getter for each command, so that a command's code runs only when it is asked for. */
function entry() {
  const getters = commandFiles().map(
    ({ id, path }) => `get ${JSON.stringify(id)}() { return require(${JSON.stringify(`./${path}`)}).default },`,
  )
  return `export * from './src/index.ts'\nexport const commands = {\n${getters.join('\n')}\n}\n`
}

/** A run of the things everyone does, so that the functions they call are in the cache. */
function writeCodeCache() {
  const XDG_CONFIG_HOME = join(dist, 'no-configuration')
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'warm.cjs')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, TMPDIR: tmpdir(), XDG_CONFIG_HOME },
  })
  // Where no server can listen, acs still works: its first run writes the cache.
  if (status !== 0) console.error('dist/acs.cjs: no code cache; the first start will be slow')
}
