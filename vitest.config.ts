import { readdirSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

/**
 * Tests that bring hosts, browsers, bundlers or other compilers first, run beside PyTorch, or write files of hundreds of
 * megabytes. `npm run test:hosts` runs them, `npm test` does not.
 */
const withHosts = [
  'test/hosts/**/*.test.ts',
  'test/browser/**/*.test.ts',
  'test/numerics/image-threads-of-runtimes.test.ts',
  'test/interop/{gradients,torchvision-nets,training}.test.ts',
  'test/formats/large-files.test.ts',
]

/** Tests beside the sources, as paths from this folder. */
const besideSources = readdirSync(new URL('src', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `src/${name.replaceAll('\\', '/')}`)
/** Those of them that change what all modules share: the package's assets, the environment, globals or prototypes. */
const alone = besideSources.filter((name) =>
  /\buseAssets\b|\bvi\.|\bprocess\.env\b/.test(readFileSync(new URL(name, import.meta.url), 'utf8')),
)

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
          // Files share the modules that they import, which would otherwise take a third of the time.
          isolate: false,
          include: besideSources.filter((name) => !alone.includes(name)),
        },
      },
      {
        extends: true,
        test: { name: 'package', include: [...alone, 'test/**/*.test.ts'], exclude: withHosts },
      },
      { extends: true, test: { name: 'hosts', include: withHosts } },
    ],
  },
})
