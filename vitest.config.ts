import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** CI adds the reports of all runs up (scripts/test-totals.mjs). */
const report = process.env.ACS_TEST_REPORT

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
        // e2e tests share the kernel's mount table, loop devices and tools: one file at a time.
        test: {
          name: 'e2e',
          globalSetup: ['test/contract/setup.ts', 'test/secrets/global-setup.ts'],
          setupFiles: 'test/secrets/test-setup.ts',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
