// Writes src/engine/wasm/bindings.ts, which tells TypeScript about assembly/: the types of its exports, its constants, and
// the offsets of the fields of its classes, all determined by the AssemblyScript compiler.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'

const target = 'src/engine/wasm/bindings.ts'

/** The classes whose instances TypeScript reads and writes, their files, and the names of the objects with their offsets. */
const classes = [
  { name: 'Problem', file: 'assembly/problem.ts', constant: 'PROBLEM' },
  { name: 'Kernel', file: 'assembly/kernel.ts', constant: 'KERNEL' },
  { name: 'Totals', file: 'assembly/column-stats.ts', constant: 'TOTALS' },
]

/** The exported constants that TypeScript uses, by file. Constants that differ between builds are read from the module. */
const constants = {
  'assembly/simd.ts': ['TILE_COLS'],
  'assembly/kernel.ts': ['LINEAR', 'POLY', 'RBF', 'SIGMOID'],
  'assembly/smo.ts': ['SLICE_DONE', 'CONVERGED', 'NEEDS_ROW', 'STALLED', 'NOT_FINITE'],
  'assembly/projected-cg.ts': ['LOST'],
}

/** Compiles a source and returns the compiler's output files, by extension. */
async function compile(entry, sources = {}) {
  const files = {}
  const { error, stderr } = await asc.main(
    [entry, '--outFile', 'out.wasm', '--bindings', 'raw', '--runtime', 'stub', '--enable', 'simd', '-O0'],
    {
      readFile: (name) => sources[name] ?? (existsSync(name) ? readFileSync(name, 'utf8') : null),
      writeFile: (name, contents) => {
        files[name.slice(name.indexOf('.') + 1)] = contents
      },
    },
  )
  if (error) throw new Error(`asc: ${stderr.toString()}`)
  return files
}

/** The fields of a class, in order, with their AssemblyScript types. */
function fieldsOf({ name, file }) {
  const source = readFileSync(file, 'utf8')
  const [, body] = source.match(new RegExp(`^export class ${name} \\{\\n(.*?)^\\}`, 'ms'))
  return [...body.matchAll(/^ {2}(\w+): (\w+)$/gm)].map(([, field, type]) => ({ field, type }))
}

/** The values of the constants and offsets, read from a module that exports them as globals. */
async function valuesOf() {
  const lines = Object.entries(constants).map(
    ([file, names]) => `export { ${names.join(', ')} } from './${file.replace('.ts', '')}'`,
  )
  for (const { name, file, constant } of classes) {
    lines.push(`import { ${name} } from './${file.replace('.ts', '')}'`)
    lines.push(`export const ${constant}_bytes: i32 = offsetof<${name}>()`)
    for (const { field } of fieldsOf({ name, file })) {
      lines.push(`export const ${constant}_${field}: i32 = offsetof<${name}>('${field}')`)
    }
  }
  const { wasm } = await compile('values.ts', { 'values.ts': lines.join('\n') })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm))
  return (name) => exports[name].value
}

/** The type of a function, with line breaks where the formatter puts them. */
function signature(name, parameters, result) {
  const line = `  ${name}(${parameters}): ${result}`
  if (line.length <= 110) return [line]
  return [`  ${name}(`, ...parameters.split(', ').map((parameter) => `    ${parameter},`), `  ): ${result}`]
}

/** The text of the file. */
export async function engineBindings() {
  const value = await valuesOf()
  const out = [
    '// Written by scripts/engine-bindings.js from assembly/ in every build. Change assembly/ instead.',
    '',
  ]
  for (const { name, file, constant } of classes) {
    out.push(`/** Byte offsets of the fields of \`class ${name}\` in ${file}, and its size. */`)
    out.push(`export const ${constant} = {`)
    for (const { field, type } of fieldsOf({ name, file })) {
      out.push(`  ${field}: ${value(`${constant}_${field}`)}, // ${type}`)
    }
    out.push(`  bytes: ${value(`${constant}_bytes`)},`, '} as const', '')
  }
  for (const [file, names] of Object.entries(constants)) {
    out.push(`// ${file}`, ...names.map((name) => `export const ${name} = ${value(name)}`), '')
  }
  out.push(
    '/**',
    ' * The exports of assembly/index.ts. Each is documented at its definition. Addresses and strides are in bytes; the layouts',
    ' * of panels and strips are described in assembly/gemm.ts.',
    ' */',
    'export interface EngineExports {',
  )
  const declarations = (await compile('assembly/index.ts'))['d.ts']
  for (const [, name] of declarations.matchAll(/^ {2}export const (\w+): \{/gm)) {
    out.push(`  readonly ${name}: { value: number }`)
  }
  for (const [, name, parameters, result] of declarations.matchAll(
    /^ {2}export function (\w+)\((.*)\): (\w+);$/gm,
  )) {
    out.push(...signature(name, parameters, result))
  }
  out.push('}', '')
  return out.join('\n')
}

/** Writes the file only if its content changes, which keeps its modification time. */
export async function writeEngineBindings() {
  const text = await engineBindings()
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text)
}
