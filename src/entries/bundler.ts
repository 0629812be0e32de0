// The entry point `softmargin/bundler`: plugins for esbuild and Rollup, which do not resolve `new URL('...',
// import.meta.url)`. Vite and webpack do, and need no plugin.

import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The parts of Rollup's plugin interface used here, so that its types need not be installed. */
export interface RollupPlugin {
  name: string
  transform(this: RollupContext, code: string, id: string): { code: string; map: null } | undefined
}

interface RollupContext {
  emitFile(file: { type: 'asset'; name: string; source: Uint8Array } | { type: 'chunk'; id: string }): string
}

/** The parts of esbuild's plugin interface used here, so that its types need not be installed. */
export interface EsbuildPlugin {
  name: string
  setup(build: EsbuildBuild): void
}

interface EsbuildBuild {
  initialOptions: {
    format?: string | undefined
    splitting?: boolean | undefined
    entryPoints?: (string | EntryPoint)[] | Record<string, string> | undefined
  }
  onResolve(
    options: { filter: RegExp },
    callback: (args: { path: string }) => { path: string; namespace: string },
  ): void
  onLoad(
    options: { filter: RegExp; namespace?: string | undefined },
    callback: (args: { path: string }) => {
      contents: string | Uint8Array
      loader: 'file' | 'js'
      resolveDir?: string | undefined
    },
  ): void
}

interface EntryPoint {
  in: string
  out: string
}

/** Files of this package and of its dependencies that reference files by such URLs. */
const OURS = /[\\/](softmargin|onnxruntime-web|@jsquash)[\\/].*\.m?js$/
/** The names of the modules of threads and of the worker. */
const MODULES = ['thread', 'thread-lite', 'thread-svm', 'worker-entry']

/** Calls `replace` for each file referenced by a literal URL, and substitutes the result for the URL. */
function replaceUrls(code: string, path: string, replace: (file: string) => string | undefined): string {
  return code.replaceAll(
    /new URL\(\s*(["'])([^"'\n]+)\1\s*,\s*import\.meta\.url\s*\)/g,
    (whole, _quote, relative) => {
      const file = resolve(dirname(path), relative)
      return (existsSync(file) ? replace(file) : undefined) ?? whole
    },
  )
}

const isModule = (file: string) => /^\.m?js$/.test(extname(file))

/**
 * Rollup plugin, used next to a plugin that resolves packages: `plugins: [softmarginRollup(), nodeResolve({ browser:
 * true })]`. Emits workers as chunks and WebAssembly as assets, each once.
 */
export function softmarginRollup(): RollupPlugin {
  return {
    name: 'softmargin',
    transform(code, id) {
      if (!OURS.test(id) || !code.includes('import.meta.url')) return undefined
      const replaced = replaceUrls(code, id, (file) => {
        const reference = this.emitFile(
          isModule(file)
            ? { type: 'chunk', id: file }
            : { type: 'asset', name: basename(file), source: readFileSync(file) },
        )
        return `new URL(import.meta.ROLLUP_FILE_URL_${reference})`
      })
      return { code: replaced, map: null }
    },
  }
}

/**
 * esbuild plugin: `plugins: [softmarginEsbuild()]`. Emits ES modules with shared chunks, the workers next to them as
 * `softmargin-worker-entry.js`, `softmargin-thread.js` and so on, and WebAssembly as files, each once. All of them must be
 * in one folder: no entry points in subfolders of `outdir`, and no `[hash]` in `entryNames`.
 */
export function softmarginEsbuild(): EsbuildPlugin {
  return {
    name: 'softmargin',
    setup({ initialOptions, onResolve, onLoad }) {
      initialOptions.format ??= 'esm'
      initialOptions.splitting ??= true
      const { entryPoints = [] } = initialOptions
      const workerEntries = MODULES.map((name) => ({
        in: fileURLToPath(new URL(`${name}.js`, import.meta.url)),
        out: `softmargin-${name}`,
      }))
      const theirs = Array.isArray(entryPoints)
        ? entryPoints
        : Object.entries(entryPoints).map(([out, file]) => ({ in: file, out }))
      initialOptions.entryPoints = [...theirs, ...workerEntries]
      onResolve({ filter: /^softmargin-file:/ }, ({ path }) => ({
        path: path.slice('softmargin-file:'.length),
        namespace: 'softmargin-file',
      }))
      onLoad({ filter: /./, namespace: 'softmargin-file' }, ({ path }) => ({
        contents: readFileSync(path),
        loader: 'file',
      }))
      onLoad({ filter: OURS }, ({ path }) => {
        const imports: string[] = []
        const code = replaceUrls(readFileSync(path, 'utf8'), path, (file) => {
          const module = workerEntries.find((each) => each.in === file)
          if (module) return `new URL('./${module.out}.js', import.meta.url)`
          if (isModule(file)) return undefined
          const name = `softmarginFile${imports.length}`
          imports.push(`import ${name} from ${JSON.stringify(`softmargin-file:${file}`)}\n`)
          return `new URL(${name}, import.meta.url)`
        })
        return { contents: imports.join('') + code, loader: 'js', resolveDir: dirname(path) }
      })
    },
  }
}
