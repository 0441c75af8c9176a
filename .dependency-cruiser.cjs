/**
 * The arrows of docs/architecture.md, enforced. Rooms point down only; each library that could leak
 * everywhere has one door.
 */
const room = (name) => `^src/lib/${name}/`

/** `from` may reach nothing of ours but itself and `to`. */
const onlyTo = (from, to, comment) => ({
  name: `${from}-points-down`,
  comment,
  severity: 'error',
  from: { path: room(from) },
  to: {
    path: '^src/',
    pathNot: [
      room(from),
      ...to.map((target) => (target.endsWith('.ts') ? `^src/lib/${target.replace('.', '\\.')}$` : room(target))),
    ],
  },
})

/** `library` is imported in `doors` only. */
const door = (library, doors) => ({
  name: `${library}-has-one-door`,
  severity: 'error',
  from: { path: '^src/', pathNot: doors },
  to: { path: `node_modules/${library}/` },
})

module.exports = {
  forbidden: [
    // Types that name each other are no cycle of modules: nothing of them is left at run time.
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    onlyTo('base', [], 'base knows nobody'),
    onlyTo('prism', ['base'], 'the cluster, seen from outside'),
    onlyTo('host', ['base'], 'this machine'),
    onlyTo(
      'sim',
      ['base', 'host/exec.ts', 'host/host.ts'],
      'the simulator shares no belief with the client: both are written from the specification',
    ),
    onlyTo('volume', ['base', 'prism/prism.ts', 'host'], 'volumes know the interface of the cluster, not its versions'),
    onlyTo(
      'vm',
      ['base', 'prism/prism.ts', 'volume/containers.ts'],
      'machines know the interface of the cluster, not its versions',
    ),
    onlyTo('plugin', ['base', 'prism/prism.ts', 'host', 'volume'], 'Docker asks, volumes and this machine do'),
    onlyTo('config', ['base', 'prism/endpoint.ts'], 'configuration'),
    onlyTo(
      'doctor',
      ['base', 'host', 'volume', 'config', 'prism/prism.ts'],
      'looks at everything, knows no API version',
    ),
    onlyTo('plugin/check', ['base'], 'the conformance kit shares no belief with the plugin it judges'),
    onlyTo('cli', ['base', 'config', 'prism', 'host', 'volume', 'vm'], 'nothing below imports cli'),
    door('axios', ['^src/lib/prism/']),
    door('execa', ['^src/lib/host/exec\\.ts$']),
    door('keytar', ['^src/lib/config/']),
    door('@oclif/core', ['^src/lib/cli/', '^src/commands/', '^src/index\\.ts$']),
    door('cli-table3', ['^src/lib/cli/', '^src/commands/']),
    door('inquirer', ['^src/lib/cli/', '^src/commands/']),
    {
      name: 'commands-do-not-import-commands',
      severity: 'error',
      from: { path: '^src/commands/(.+)$' },
      to: { path: '^src/commands/', pathNot: '^src/commands/$1$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { conditionNames: ['import', 'node', 'default', 'types'], exportsFields: ['exports'] },
  },
}
