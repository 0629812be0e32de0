import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Each entry of the package becomes a module of the reference by a file that says its name and exports what it exports.
// `softmargin/svm` is left out: `softmargin` exports all of it.
const folder = fileURLToPath(new URL('.typedoc/', import.meta.url))
mkdirSync(folder, { recursive: true })
const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const entryPoints = ['.', './worker', './bundler'].map((entry) => {
  const source = exports[entry].types.replace('./dist/types/', '../../src/').replace(/\.d\.ts$/, '.ts')
  const path = `${folder}${entry === '.' ? 'index' : entry.slice(2)}.ts`
  writeFileSync(path, `/** @module softmargin${entry.slice(1)} */\nexport * from '${source}'\n`)
  return path
})
const extended = { extends: '../../tsconfig.json', compilerOptions: { rootDir: '../..', noEmit: true } }
writeFileSync(`${folder}tsconfig.json`, JSON.stringify({ ...extended, include: ['*.ts'] }))

export default {
  plugin: ['typedoc-plugin-markdown'],
  entryPoints,
  tsconfig: `${folder}tsconfig.json`,
  out: 'api',
  name: 'API',
  readme: 'none',
  entryFileName: 'index',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  disableSources: true,
  excludePrivate: true,
  // Types that are used, but not exported, are described where they are used.
  validation: { notExported: false },
}
