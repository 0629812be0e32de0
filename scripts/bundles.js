// Bundles the sources into the scripts of the package: one for each entry point, and chunks for what several of them need.
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import { rollup } from 'rollup'

const sources = fileURLToPath(new URL('../src/', import.meta.url))

/** The names of chunks that several entry points share begin with it. */
const SHARED = 'chunk'

/** The entry point whose scripts are to be few and small: a page loads them before its first label. */
const SMALL = 'lite'

/** The entry points that share its modules. Others, such as the scripts of threads, run beside one of these. */
const SHARING = ['index', 'lite', 'svm']

/** Removes types. */
const typescript = {
  name: 'typescript',
  transform: (code, id) =>
    transform(code, {
      ...{ loader: 'ts', target: 'es2022', sourcefile: id, sourcemap: true },
      tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    }),
}

/** Leaves imports of WebAssembly as they are. */
const webAssembly = {
  name: 'webassembly',
  resolveId: (source) => (source.endsWith('.wasm') ? { id: source, external: 'absolute' } : undefined),
}

/** The modules that an entry point needs at once, and those and the ones that it may import later. */
function importsOf(entry, getModuleInfo) {
  const reach = (start, importsIn) => {
    const reached = new Set(start)
    for (const id of reached) for (const next of importsIn(getModuleInfo(id))) reached.add(next)
    return reached
  }
  const now = reach([entry], ({ importedIds }) => importedIds)
  return { now, later: reach(now, (module) => [...module.importedIds, ...module.dynamicallyImportedIds]) }
}

/**
 * Assigns the modules that `softmargin/lite` needs at once, and other entry points too, to chunks: one for each set of
 * the entry points in `SHARING`. Rollup's own choice is finer, because it separates what every other entry point and what
 * dynamic imports need as well. Many small files compress badly, and bundlers do not join them again; but what is not used
 * of large ones is harder to leave out.
 *
 * @param entries as for `writeBundles`
 * @returns a function for Rollup's option `manualChunks`
 */
function chunksOfLite(entries) {
  let imports
  return (id, { getModuleInfo }) => {
    imports ??= new Map(SHARING.map((name) => [name, importsOf(sources + entries[name], getModuleInfo)]))
    if (!imports.get(SMALL).now.has(id)) return undefined
    const needed = [...imports.values()].map(({ now, later }) => {
      return now.has(id) ? 'now' : later.has(id) ? 'later' : 'never'
    })
    return needed.filter((need) => need === 'now').length > 1 ? `${SHARED} ${needed}` : undefined
  }
}

/**
 * Writes the bundles.
 *
 * @param entries the source of each entry point, relative to src/, by the name of its script
 * @param directory the folder to write the scripts to
 */
export async function writeBundles(entries, directory) {
  const bundle = await rollup({
    input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, sources + file])),
    external: /^[^./]/,
    plugins: [webAssembly, typescript],
    // Only entry points have side effects; see `sideEffects` in package.json.
    treeshake: { moduleSideEffects: false },
    onwarn(warning) {
      // Modules of types alone.
      if (warning.code !== 'EMPTY_BUNDLE') console.warn(warning.message)
    },
  })
  await bundle.write({
    dir: directory,
    format: 'es',
    sourcemap: true,
    manualChunks: chunksOfLite(entries),
    onlyExplicitManualChunks: true,
    hoistTransitiveImports: false,
    entryFileNames: '[name].js',
    // Hashes do not compress, and nobody needs them: the files of the package change together, with its version.
    chunkFileNames: ({ name }) => (name.startsWith(SHARED) ? `${SHARED}-[hash].js` : '[name].js'),
  })
  await bundle.close()
}
