import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { entries } from '../scripts/entries.js'

// Each entry point of the package becomes a module of the reference, by a file with its name that re-exports its source.
// `softmargin/svm` and `softmargin/lite` are left out, because `softmargin` exports everything that they do.
const folder = fileURLToPath(new URL('.typedoc/', import.meta.url))
mkdirSync(folder, { recursive: true })
const entryPoints = ['index', 'worker', 'bundler'].map((name) => {
  const path = `${folder}${name}.ts`
  const module = name === 'index' ? 'softmargin' : `softmargin/${name}`
  // `svm/public-svc.ts` exports this class as a constant.
  const classes = name === 'index' ? "export { SVC } from '../../src/svm/svc.ts'\n" : ''
  writeFileSync(path, `/** @module ${module} */\nexport * from '../../src/${entries[name]}'\n${classes}`)
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
  // Types that are used but not exported are described where they are used.
  validation: { notExported: false },
}
