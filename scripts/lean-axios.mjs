// axios, without what acs does not use of it: it sends JSON over https to one host, by axios's http adapter, with no proxy
// and no form. Loading the rest costs as much as bare Node itself: global fetch brings undici, 20 ms; http2, form-data...
import { readFile } from 'node:fs/promises'
import { edited } from './lean-oclif.mjs'

const edits = [
  // Reading globalThis.FormData loads undici.
  {
    file: 'utils.js',
    find: "const FormDataCtor = typeof G.FormData !== 'undefined' ? G.FormData : undefined;",
    replace: 'const FormDataCtor = undefined;',
  },
  // It looks for an agent of Node's that takes a proxy from the environment. Ours takes none, and the question builds a
  // list of all options of Node: 1 ms.
  {
    file: 'adapters/http.js',
    find: 'function getDirectAgent(configuredAgent, transport) {',
    replace: '$& return configuredAgent;',
  },
  { file: 'platform/node/classes/FormData.js', find: /^.*$/s, replace: 'export default null' },
  {
    file: 'adapters/fetch.js',
    find: /^.*$/s,
    replace: "export const getFetch = () => { throw new Error('acs is built without the fetch adapter of axios') }",
  },
]

/** Modules of Node or npm that only unused paths of axios need: loaded, or refused, when used. */
const stubs = {
  http2: `module.exports = { get constants() { return require('node:http2').constants }, connect: (...args) => require('node:http2').connect(...args) }`,
  // acs follows no redirect: one could carry the password elsewhere.
  'follow-redirects': `module.exports = { http: require('node:http'), https: require('node:https') }`,
  'https-proxy-agent': `module.exports = class { constructor() { throw new Error('acs is built without proxies in axios') } }`,
}

/** @type {import('esbuild').Plugin} */
export const leanAxios = {
  name: 'lean-axios',
  setup(build) {
    build.onLoad({ filter: /node_modules\/axios\/lib\/.*\.js$/ }, async ({ path }) => ({
      contents: edited(path, await readFile(path, 'utf8'), edits),
      loader: 'js',
    }))
    build.onResolve({ filter: /^(http2|https-proxy-agent|follow-redirects)$/ }, ({ path, importer }) =>
      /node_modules\/axios\//.test(importer) ? { path, namespace: 'lean-axios' } : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: 'lean-axios' }, ({ path }) => ({ contents: stubs[path], loader: 'js' }))
  },
}
