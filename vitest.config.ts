import { defineConfig } from 'vitest/config'

/**
 * Tests that bring hosts, browsers or bundlers first, train whole networks beside PyTorch, or write files of hundreds of
 * megabytes. `npm run test:hosts` runs them, `npm test` does not.
 */
const withHosts = [
  'test/hosts/**/*.test.ts',
  'test/browser/**/*.test.ts',
  'test/interop/training.test.ts',
  'test/formats/large-files.test.ts',
]

export default defineConfig({
  test: {
    testTimeout: 60_000,
    // A test that reaches its end without a single expectation has shown nothing, and fails.
    expect: { requireAssertions: true },
    setupFiles: ['test/support/onnxruntime.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'sources',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: withHosts,
        },
      },
      { extends: true, test: { name: 'hosts', include: withHosts } },
    ],
  },
})
