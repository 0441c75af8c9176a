import { defineConfig } from 'vitest/config'

const report = process.env.ACS_TEST_REPORT

/** `npm run test:lab`: Debian guests with the kernel's own iSCSI initiator and Docker, booted by the simulator. */
export default defineConfig({
  test: {
    name: 'lab',
    globals: false,
    disableConsoleIntercept: true,
    pool: 'forks',
    reporters: report ? ['verbose', ['json', { outputFile: report }]] : ['verbose'],
    globalSetup: 'test/lab/setup.ts',
    include: ['test/lab/**/*.test.ts'],
    // Two emulated hosts keep two cores busy, and every test is about the same two.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
})
