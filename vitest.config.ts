import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** CI adds the reports of all runs up (scripts/test-totals.mjs). */
const report = process.env.ACS_TEST_REPORT

const endToEnd = {
  globalSetup: ['test/contract/setup.ts', 'test/secrets/global-setup.ts'],
  setupFiles: 'test/secrets/test-setup.ts',
  testTimeout: 300_000,
  hookTimeout: 120_000,
}
/** Docker's daemons share /run/docker/plugins and the machine's network; benches and counts of memory want it quiet. */
const needsMachineAlone = [
  'test/e2e/bench/**/*.test.ts',
  'test/e2e/plugin/{compose,docker,endurance,inline-names,managed,podman,restarts,sidekick,swarm}*.test.ts',
  'test/e2e/volume/{cycles,missing-tools}.test.ts',
]

export default defineConfig({
  test: {
    globals: false,
    disableConsoleIntercept: true,
    pool: 'forks',
    // Most tests wait for processes of their own: one more than the cores keeps them busy. Vitest would take one fewer.
    maxWorkers: availableParallelism() + 1,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 10_000 } },
      {
        extends: true,
        test: {
          name: 'integration',
          globalSetup: 'test/contract/setup.ts',
          include: ['test/{integration,contract}/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          ...endToEnd,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: needsMachineAlone,
          // Each lab looks at what is its own; two files at once keep both cores busy.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...endToEnd,
          name: 'e2e-alone',
          include: needsMachineAlone,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
