import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/integration/secrets/leaky-process.ts'],
    globalSetup: 'test/secrets/global-setup.ts',
    setupFiles: 'test/secrets/test-setup.ts',
  },
})
