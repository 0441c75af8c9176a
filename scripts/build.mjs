// Builds dist/acs.cjs, the whole program in one CommonJS file with lazy commands, and V8's code cache beside it.
// Runs in `npm ci` (prepare); in a package without sources there is nothing to do.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { commandFiles, root } from './commands.mjs'
import { leanAxios } from './lean-axios.mjs'
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
for (const name of existsSync(dist) ? readdirSync(dist) : []) if (name.endsWith('.cache')) rmSync(join(dist, name))

const result = await build({
  stdin: { contents: entry(), resolveDir: root, sourcefile: 'entry.ts', loader: 'ts' },
  outfile: join(dist, 'acs.cjs'),
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  // Names stay, for stack traces. Lines stay short: Node prints the whole line that a crash is in.
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 160,
  sourcemap: 'external',
  sourcesContent: false,
  metafile: true,
  external,
  // The bundle runs in vm.Script, which has no import(); what stays external is CommonJS.
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: 'const bundleUrl=require("node:url").pathToFileURL(__filename).href;' },
  plugins: [leanOclif, leanAxios],
  logLevel: 'warning',
})

writeCodeCache()
const bytes = Object.values(result.metafile.outputs).find((output) => output.entryPoint)?.bytes ?? 0
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.error(`dist/acs.cjs: ${Math.round(bytes / 1024)} KiB, ${commandFiles().length} commands, ${seconds} s`)

/** The entry: the program and a getter for each command, so that a command's code runs only when it is asked for. */
function entry() {
  const getters = commandFiles().map(
    ({ id, path }) => `get ${JSON.stringify(id)}() { return require(${JSON.stringify(`./${path}`)}).default },`,
  )
  return `export * from './src/index.ts'\nexport const commands = {\n${getters.join('\n')}\n}\n`
}

/** A run of the two things everyone does, so that the functions they call are in the cache. */
function writeCodeCache() {
  const XDG_CONFIG_HOME = join(dist, 'no-configuration')
  execFileSync(process.execPath, [join(root, 'scripts', 'warm.cjs')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, XDG_CONFIG_HOME },
  })
}
