// node scripts/jsr.js [folder]
//
// Creates the package for JSR in a folder (.cache/jsr) from the build and package.json: the bundles, in which each entry
// point refers to its types, as JSR requires of JavaScript, and jsr.json, which lists npm dependencies in JSR's notation.
// `npx jsr publish` in that folder publishes it, and `npx jsr publish --dry-run` shows what would be published.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = resolve(process.argv[2] ?? join(root, '.cache/jsr'))
const { version, license, exports, dependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)

// Delete the folder only if this script created it.
if (existsSync(target) && !existsSync(join(target, 'jsr.json')))
  throw new Error(`${target} exists and was not created by this script`)
rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
for (const path of ['README.md', 'LICENSE', 'CHANGELOG.md']) cpSync(join(root, path), join(target, path))
const filter = (path) => !path.endsWith('.map')
for (const part of ['lib', 'types']) {
  cpSync(join(root, 'dist', part), join(target, 'dist', part), { recursive: true, filter })
}
for (const name of readdirSync(join(root, 'dist')).filter((file) => /\.(wasm|onnx|bin)$/.test(file))) {
  cpSync(join(root, 'dist', name), join(target, 'dist', name))
}

// JSR does not serve the WebAssembly modules that Cloudflare Workers import, and has no command-line programs.
for (const name of readdirSync(join(target, 'dist/lib'))) {
  if (/\.workerd\.js$|^cli\.js$/.test(name)) rmSync(join(target, 'dist/lib', name))
}

// Declarations import each other as .js although only .d.ts files exist; JSR requires the names of existing files.
for (const entry of readdirSync(join(target, 'dist/types'), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue
  const path = join(entry.parentPath, entry.name)
  const text = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    text.replaceAll(/(from |import\()(['"])(\.[^'"]+?)(?:(?<!\.d)\.ts|\.js)\2/g, '$1$2$3.d.ts$2'),
  )
}

const entries = Object.entries(exports).filter(([, entry]) => entry.types)
for (const [, { types, default: code }] of entries) {
  const path = join(target, code)
  const declared = relative(dirname(path), join(target, types)).replaceAll('\\', '/')
  writeFileSync(path, `/* @ts-self-types="${declared}" */\n${readFileSync(path, 'utf8')}`)
}

const imports = Object.entries(dependencies).flatMap(([name, range]) => [
  [name, `npm:${name}@${range}`],
  [`${name}/`, `npm:/${name}@${range}/`],
])
const manifest = {
  name: '@softmargin/softmargin',
  ...{ version, license },
  exports: Object.fromEntries(entries.map(([entry, { default: code }]) => [entry, code])),
  imports: Object.fromEntries(imports),
}
writeFileSync(join(target, 'jsr.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
console.log(`Written: ${relative(process.cwd(), target)}, version ${version}, ${entries.length} entries`)
