// Writes the declarations of the public entry points into a folder: one file for each entry, without what users cannot
// reach, so that they compile with old compilers and without the types of any host.
import { fileURLToPath } from 'node:url'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'
import { entries } from './entries.js'

const sources = fileURLToPath(new URL('../src/', import.meta.url))

/** Types that hosts provide. If a program's `lib` and `types` do not declare one, it has no values of that type either. */
const hostTypes = [
  ...['AbortSignal', 'Blob', 'ImageData', 'URL', 'Worker'],
  ...['HTMLCanvasElement', 'HTMLImageElement', 'HTMLVideoElement'],
  ...['ImageBitmap', 'OffscreenCanvas', 'VideoFrame'],
]

const hostType = (name, alias) =>
  `type ${alias} = typeof globalThis extends { ${name}: { prototype: infer T } } ? T : never;`

/** Declarations to put at the top of each file that contains the pattern. */
const preambles = [
  ...hostTypes.map((name) => [new RegExp(`\\b${name}\\b`), hostType(name, name)]),
  [/\bReadableStream\b/, hostType('ReadableStream', 'ReadableStream<_>')],
  [
    /\bWebAssemblyModule\b/,
    'type WebAssemblyModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer T } } } ? T : never;',
  ],
  [
    /\bBytes\b/,
    '/** `Uint8Array<ArrayBuffer>`; before TypeScript 5.7 `Uint8Array`, which was not generic then. */\n' +
      "type Bytes = ReturnType<Uint8Array['slice']>;",
  ],
  [
    /\bSymbol\.(asyncD|d)ispose\b/,
    'declare global {\n  interface SymbolConstructor {\n    readonly dispose: unique symbol;\n    readonly asyncDispose: unique symbol;\n  }\n}',
  ],
]

/** Makes a declaration file independent of the types of any host and of recent compilers. */
function portable(code) {
  const renamed = code
    .replaceAll('Uint8Array<ArrayBuffer>', 'Bytes')
    .replaceAll('WebAssembly.Module', 'WebAssemblyModule')
  const text = renamed.replace(/\/\*.*?\*\//gs, '')
  const needed = preambles.filter(([use]) => use.test(text)).map(([, declaration]) => declaration)
  // After the imports, which the bundler puts first.
  const imports = /^(import .*\n)*/.exec(renamed)[0]
  return [imports, ...needed.map((declaration) => `${declaration}\n`), renamed.slice(imports.length)].join('')
}

/** `svm/public-svc.ts` exports the class of `svm/svc.ts`, whose declaration is that of a class. */
const sameTypes = {
  name: 'same-types',
  resolveId: (source) => (source.endsWith('/public-svc.ts') ? `${sources}svm/svc.ts` : undefined),
}

/** @param directory the folder to write the files to */
export async function writeDeclarations(directory) {
  const bundle = await rollup({
    input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, sources + file])),
    external: /^[^./]/,
    plugins: [
      sameTypes,
      dts({ tsconfig: fileURLToPath(new URL('../tsconfig.build.json', import.meta.url)) }),
      { name: 'portable', renderChunk: (code) => ({ code: portable(code), map: null }) },
    ],
    onwarn(warning) {
      // softmargin/worker/entry exports nothing: it is the script of a worker.
      if (warning.code !== 'EMPTY_BUNDLE') console.warn(warning.message)
    },
  })
  await bundle.write({
    dir: directory,
    format: 'es',
    entryFileNames: '[name].d.ts',
    chunkFileNames: 'shared-[hash].d.ts',
  })
  await bundle.close()
}
