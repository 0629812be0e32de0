import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { picturesTable, summary } from '../../bench/summary.js'
import { digit, pngOf } from '../support/digits.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const snippets = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code)
const formats = readFileSync(join(root, 'docs/formats.md'), 'utf8')
/** The snippet of docs/formats.md that continues after `load`. */
const goOn = /^```js\n(const store = .*?)^```$/ms.exec(formats)![1]

/** A folder with the built package and some pictures. */
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/softmargin'))
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const kind of [0, 1, 7]) {
    mkdirSync(join(folder, 'pictures', String(kind)), { recursive: true })
    for (let i = 0; i < 20; i++) {
      writeFileSync(join(folder, 'pictures', String(kind), `${i}.png`), await pngOf(digit(kind, i)))
    }
  }
  // Files that real disks contain next to pictures.
  for (const name of ['.DS_Store', 'notes.txt', '0/.DS_Store', '1/Thumbs.db', '7/._1.png']) {
    writeFileSync(join(folder, 'pictures', name), 'no picture')
  }
  writeFileSync(join(folder, 'new.png'), await pngOf(digit(7, 50)))
  snippets.forEach((code, i) => {
    writeFileSync(join(folder, `${i}.ts`), code)
    writeFileSync(join(folder, `${i}.js`), transformSync(code, { loader: 'ts', target: 'es2022' }).code)
  })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a snippet and returns its output. */
const run = (i: number) => execFileSync(process.execPath, [`${i}.js`], { cwd: folder, encoding: 'utf8' })

describe('the README', () => {
  it('has snippets that type-check against the built package', () => {
    const config = {
      compilerOptions: {
        ...{ target: 'ES2022', module: 'NodeNext', strict: true, noEmit: true, types: ['node'] },
        ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: true },
        ...{ lib: ['ES2023', 'DOM', 'DOM.Iterable', 'ESNext.Disposable'] },
      },
      include: ['*.ts'],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
    expect(stdout).toBe('')
  })

  it('trains, evaluates and saves', () => {
    const printed = run(0)
    expect(printed).toMatch(/features 48 of 48/)
    expect(printed).toMatch(/search \d+ of \d+/)
    expect(printed).toMatch(/C: 10?, gamma: /)
  })

  it('loads and predicts', () => {
    expect(run(1)).toMatch(/^\[ '7', '[017]' \]\n$/)
  })

  it('stores features and learns more images', () => {
    expect(run(2)).toMatch(/^\[ 0, 1, 7 \] 3 15\n$/)
  })

  it('continues after load, as documented, with the embedded CNN', () => {
    const before = `
      import { writeFile } from 'node:fs/promises'
      import { FeatureStore, ImageClassifier } from 'softmargin'
      const known = [0, 1].flatMap((label) => [0, 1, 2, 3, 4, 5].map((i) => [\`pictures/\${label}/\${i}.png\`, label]))
      {
        const store = await FeatureStore.open('photos.npz')
        const classifier = await ImageClassifier.create({ store })
        await classifier.fit(known.map(([image]) => image), known.map(([, label]) => label))
        await writeFile('photos.onnx', await classifier.save())
        await store.save()
        classifier.dispose()
      }
      const newPictures = ['pictures/7/0.png', 'pictures/7/1.png', 'pictures/0/9.png']
      const newLabels = [7, 7, 0]
    `
    const after = `
      console.log(classifier.classes, classifier.svm.support.length > 2, store.size, store.labels.slice(-3))
    `
    writeFileSync(join(folder, 'go-on.js'), `${before}\n${goOn}\n${after}`)
    const printed = execFileSync(process.execPath, ['go-on.js'], { cwd: folder, encoding: 'utf8' })
    expect(printed).toBe('[ 0, 1, 7 ] true 15 [ 7, 7, 0 ]\n')
  })

  it('extracts features', () => {
    expect(run(3)).toMatch(/'stage3'.*\n384 192\n$/s)
  })

  it('uses the SVM alone and shows an error', () => {
    const printed = run(4)
    expect(printed).toMatch(/'same',\s+'same',\s+'differ',\s+'differ'/)
    expect(printed).toMatch(/INVALID_ARGUMENT C must be a number above 0, but is 0\n$/)
  })

  it('works in a worker', () => {
    expect(run(5)).toMatch(/done: 4.*\n\[ [07] \] \[ 0, 7 \]\n$/s)
  })

  it('links to existing files', () => {
    const linked = [...readme.matchAll(/\]\(([^):]+)\)/g)].map(([, path]) => path)
    expect(linked.filter((path) => path.startsWith('examples/'))).toHaveLength(7)
    for (const path of linked) expect(existsSync(join(root, path)), path).toBe(true)
  })

  it('reports the speed that the bench measured', () => {
    const [, written] = /\]\((bench\/results\/\d[^)]+\.json)\)/.exec(readme)!
    const lines = summary(JSON.parse(readFileSync(join(root, written), 'utf8')))
    expect(lines.length).toBeGreaterThan(10)
    expect(readme).toContain(lines.join('\n'))
  })

  it('reports the accuracy by images per class that the study measured', () => {
    const written = [...readme.matchAll(/\]\((bench\/results\/pictures[^)]+\.json)\)/g)]
    const [tiny, small] = written.map(([, file]) => JSON.parse(readFileSync(join(root, file), 'utf8')))
    const lines = picturesTable(tiny, small)
    expect(lines).toHaveLength(7)
    expect(readme).toContain(lines.join('\n'))
  })

  it('names existing commands', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const named = [
      ...readme.matchAll(/npm (?:run )?(start|test|build|check|format|bench|docs|sizes)\b/g),
    ].map(([, name]) => name)
    expect(named.length).toBeGreaterThan(5)
    for (const name of named) expect(scripts).toHaveProperty(name)
  })
})
