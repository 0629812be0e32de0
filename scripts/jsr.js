// node scripts/jsr.js [folder]
//
// Makes the package that JSR gets, in a folder (.cache/jsr), out of the build and package.json: the bundles, each entry naming its
// types, as JSR takes JavaScript, and jsr.json, where npm's packages are called what JSR calls them.
// `npx jsr publish` in that folder publishes it; `npx jsr publish --dry-run` tells what it would.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = resolve(process.argv[2] ?? join(root, '.cache/jsr'))
const { version, license, exports, dependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
)

// Only what this script has made before is thrown away.
if (existsSync(target) && !existsSync(join(target, 'jsr.json')))
  throw new Error(`${target} holds something else`)
rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
for (const path of ['README.md', 'LICENSE', 'CHANGELOG.md']) cpSync(join(root, path), join(target, path))
const filter = (path) => !path.endsWith('.map')
for (const part of ['lib', 'types']) {
  cpSync(join(root, 'dist', part), join(target, 'dist', part), { recursive: true, filter })
}
for (const name of readdirSync(join(root, 'dist')).filter((file) => /\.(wasm|onnx)$/.test(file))) {
  cpSync(join(root, 'dist', name), join(target, 'dist', name))
}

// Workers of Cloudflare's import WebAssembly as modules, which JSR does not serve, and the command line is npm's.
for (const name of readdirSync(join(target, 'dist/lib'))) {
  if (/\.workerd\.js$|^cli\.js$/.test(name)) rmSync(join(target, 'dist/lib', name))
}

// Declarations name each other by .js, where only .d.ts files are. JSR wants the name of a file that is there.
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
