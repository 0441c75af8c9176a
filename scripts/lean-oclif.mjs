// @oclif/core, made lazy in the bundle: its barrel loads some 110 modules at each start, of which one command uses a third.
import { readFile } from 'node:fs/promises'

/** `const x_1 = require("...")` with or without TypeScript's interop around it, as tsc writes it. */
const requirement = /^const (\w+) = (require\("[^"]+"\)|__import(?:Default|Star)\(require\("[^"]+"\)\));$/gm

/** What acs does not need at all. Each must be found: a new oclif that moved it breaks the build, not the start-up time. */
const edits = [
  // bin/run.js has checked the version of Node; this one loads semver, 47 files, to do so.
  { file: 'index.js', find: /^checkNodeVersion\(\);$/m, replace: '' },
  // The first localeCompare of a process loads ICU's collator, 6 to 20 ms. Ids are plain ASCII.
  { file: 'config/plugin.js', find: 'a.id.localeCompare(b.id)', replace: '(a.id < b.id ? -1 : 1)' },
  // `wsl` for a platform: acs is for Linux, and the three packages that find out load child_process.
  { file: 'util/os.js', find: "(await import('wsl-utils')).isWsl ? 'wsl' : ", replace: '' },
  // The manifest is one small file: fs/promises and the threads that serve it take 2 ms to start.
  {
    file: 'util/fs.js',
    find: "await (0, promises_1.readFile)(path, 'utf8')",
    replace: "(0, node_fs_1.readFileSync)(path, 'utf8')",
  },
  // With DEBUG set oclif would log the whole command line, and whatever secret somebody put into it; acs has --debug. Without
  // it the package is another millisecond to load.
  {
    file: 'logger.js',
    find: 'const debug_1 = __importDefault(require("debug"));',
    replace: 'const debug_1 = { default: () => () => undefined };',
  },
  // The rest of the barrel is lazy getters already; these namespaces are not.
  {
    file: 'index.js',
    find: /^exports\.(\w+) = (__importStar\(require\("[^"]+"\)\));$/gm,
    replace:
      'let $1_loaded; Object.defineProperty(exports, "$1", { enumerable: true, get: () => ($1_loaded ??= $2) });',
  },
]

/** @type {import('esbuild').Plugin} */
export const leanOclif = {
  name: 'lean-oclif',
  setup(build) {
    build.onLoad({ filter: /@oclif\/core\/lib\/.*\.js$/ }, async ({ path }) => ({
      contents: withLazyRequires(edited(path, await readFile(path, 'utf8'), edits)),
      loader: 'js',
    }))
  },
}

/** A library's source with the edits for its path made. Each must change something: see `edits`. */
export function edited(path, source, list) {
  return list
    .filter(({ file }) => path.endsWith(`/lib/${file}`))
    .reduce((text, { find, replace }) => {
      const changed = text.replace(find, replace)
      if (changed === text) throw new Error(`${path}: nothing there matches ${find}`)
      return changed
    }, source)
}

/** Loads a required module where it is used first. tsc's output makes that a change of text: every use is `x_1.member`. */
export function withLazyRequires(source) {
  const names = [...source.matchAll(requirement)].map((match) => match[1])
  const declared = source.replace(requirement, 'let $1_loaded; const $1 = () => ($1_loaded ??= $2);')
  return names.reduce(
    (text, name) => text.replace(new RegExp(`(?<![.\\w$])${name}(?=\\.)`, 'g'), `(${name}())`),
    declared,
  )
}
