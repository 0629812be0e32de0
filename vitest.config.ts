import { defineConfig } from 'vitest/config'

/**
 * Tests that bring hosts, browsers, bundlers or other compilers first, run beside PyTorch, or write files of hundreds of
 * megabytes. `npm run test:hosts` runs them, `npm test` does not.
 */
const withHosts = [
  'test/hosts/**/*.test.ts',
  'test/browser/**/*.test.ts',
  'test/interop/{gradients,torchvision-nets,training}.test.ts',
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
