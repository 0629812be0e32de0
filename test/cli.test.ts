import { execFile, spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  FeatureExtractor,
  FeatureStore,
  ImageClassifier,
  SVC,
  version,
  writeNpy,
  writeNpz,
} from '../src/index.ts'
import { digit, jpegOf, pngOf } from './support/digits.ts'

const program = fileURLToPath(new URL('../dist/lib/cli.js', import.meta.url))

interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the built program as a shell does. */
function softmargin(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

let folder: string
let pictures: string
let model: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  pictures = join(folder, 'pictures')
  for (const [name, kind] of [
    ['eight', 8],
    ['one', 1],
    ['zéro', 0],
  ] as const) {
    mkdirSync(join(pictures, name), { recursive: true })
    for (let i = 0; i < 20; i++) {
      const bytes = await (i % 2 === 0 ? pngOf : jpegOf)(digit(kind, i))
      writeFileSync(join(pictures, name, `${i}.${i % 2 === 0 ? 'png' : 'JPEG'}`), bytes)
    }
  }
  model = join(folder, 'model.onnx')
  const { code, stderr } = await softmargin(
    'train',
    pictures,
    '-o',
    model,
    '--layer',
    'stage3',
    '--pooling',
    '2x2',
  )
  expect(stderr).toBe('')
  expect(code).toBe(0)
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

/** A folder like `pictures` to which something was added. */
function messyCopy(name: string): string {
  const copy = join(folder, name)
  for (const kind of readdirSync(pictures)) {
    mkdirSync(join(copy, kind), { recursive: true })
    for (const picture of readdirSync(join(pictures, kind))) {
      copyFileSync(join(pictures, kind, picture), join(copy, kind, picture))
    }
  }
  return copy
}

describe('softmargin train', () => {
  it('writes a file that works, and ends with the hold-out accuracy', async () => {
    const output = join(folder, 'new', 'folder', 'a.onnx')
    const { code, stdout, stderr } = await softmargin('train', pictures, '--output', output)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toContain('confusion matrix')
    expect(stdout).toMatch(/48 images of 3 classes, /)
    expect(stdout).toMatch(/\nhold-out accuracy [01]\.\d{3}\n$/)
    expect(readdirSync(join(folder, 'new', 'folder'))).toEqual(['a.onnx'])
    using classifier = await ImageClassifier.load(output)
    expect(classifier.classes).toEqual(['eight', 'one', 'zéro'])
  })

  it('searches a grid and answers JSON', async () => {
    const output = join(folder, 'grid.onnx')
    const { code, stdout, stderr } = await softmargin(
      ...['train', pictures, '-o', output, '--json', '--test-size', '0.25', '--seed', '3', '--cv', '3'],
      ...['--layer', 'stage2', '--pooling', 'max', '--scale', 'l2', '--balanced'],
      ...['--grid', '{"C": [1, 10], "kernel": ["linear", "rbf"]}'],
    )
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const answer = JSON.parse(stdout)
    expect(answer).toMatchObject({
      file: output,
      bytes: readFileSync(output).length,
      classes: ['eight', 'one', 'zéro'],
      images: { train: 45, test: 15, skipped: 0 },
      skipped: [],
      layer: 'stage2',
      pooling: 'max',
      features: 48,
      scale: 'l2',
      svm: { ...answer.search.bestParams, classWeight: 'balanced' },
    })
    expect(answer.search.candidates).toHaveLength(4)
    expect(answer.holdOut.accuracy).toBeGreaterThan(0.5)
    expect(answer.holdOut.confusionMatrix.labels).toEqual(['eight', 'one', 'zéro'])
    expect(answer.holdOut.confusionMatrix.counts.flat().reduce((a: number, b: number) => a + b)).toBe(15)
  })

  it('prints the grid that --grid alone searches, the best marked', async () => {
    const { code, stdout } = await softmargin('train', pictures, '-o', join(folder, 'b.onnx'), '--grid')
    expect(code).toBe(0)
    expect(stdout.match(/ rbf .* best$/gm)).toHaveLength(1)
    expect(stdout.match(/ rbf /gm)).toHaveLength(12)
  })

  it('without a hold-out uses every image', async () => {
    const { code, stdout } = await softmargin(
      'train',
      pictures,
      '-o',
      join(folder, 'c.onnx'),
      '--test-size',
      '0',
    )
    expect(code).toBe(0)
    expect(stdout).toMatch(/^60 images of 3 classes/)
    expect(stdout).not.toContain('hold-out')
  })

  it('names what it leaves out: unreadable images, other files, empty folders', async () => {
    const messy = messyCopy('messy')
    writeFileSync(join(messy, 'one', 'text.png'), 'I am no picture')
    writeFileSync(join(messy, 'one', 'cut.jpg'), (await jpegOf(digit(1, 50))).subarray(0, 300))
    writeFileSync(join(messy, 'one', 'empty.png'), '')
    writeFileSync(join(messy, 'notes.txt'), 'notes')
    mkdirSync(join(messy, 'nothing'))
    const output = join(folder, 'messy.onnx')
    const { code, stdout, stderr } = await softmargin('train', messy, '-o', output, '--json')
    expect(code).toBe(0)
    for (const name of ['text.png', 'cut.jpg', 'empty.png']) {
      expect(stderr).toMatch(new RegExp(`^skipped .*${name}: .+$`, 'm'))
    }
    expect(stderr).toMatch(/^3 of 63 images could not be read and were skipped$/m)
    expect(stderr).toMatch(/^left out .*nothing: /m)
    expect(stderr).toMatch(/^left out 1 files .*notes\.txt$/m)
    const { images, skipped } = JSON.parse(stdout)
    expect(images.skipped).toBe(3)
    expect(images.train + images.test).toBe(60)
    expect(skipped.map(({ code }: { code: string }) => code)).toEqual(Array(3).fill('IMAGE_UNREADABLE'))
  })

  it('finds the layer that suits best', async () => {
    const output = join(folder, 'auto.onnx')
    const train = ['train', pictures, '-o', output, '--layer', 'auto', '--pooling', 'average', '--cv', '2']
    const { code, stdout, stderr } = await softmargin(...train)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^layer +pooling +features +accuracy +\+-\n/)
    const [, best] = stdout.split('\n')
    using classifier = await ImageClassifier.load(output)
    expect(best.split(' ')[0]).toBe(classifier.extractor.describe().layer)
  })

  it('keeps features, and refuses those of another layer', async () => {
    const cache = join(folder, 'cache.npz')
    const train = [
      'train',
      pictures,
      '-o',
      join(folder, 'cached.onnx'),
      '--cache',
      cache,
      '--layer',
      'stage3',
    ]
    const first = await softmargin(...train, '--json')
    expect(first.stderr).toBe('')
    const bytes = readFileSync(cache)
    const second = await softmargin(...train, '--json')
    const withoutTime = ({ stdout }: Outcome) => ({ ...JSON.parse(stdout), seconds: 0 })
    expect(withoutTime(second)).toEqual(withoutTime(first))
    expect(readFileSync(cache)).toEqual(bytes)
    const other = await softmargin(...train.with(-1, 'stage2'))
    expect(other.code).toBe(1)
    expect(other.stderr).toMatch(/their layer is stage3, the extractor's stage2$/m)
  })

  it('keeps the features of all layers that it chooses from', async () => {
    const cache = join(folder, 'layers.npz')
    const train = ['train', pictures, '-o', join(folder, 'chosen.onnx'), '--layer', 'auto', '--cv', '2']
    const first = await softmargin(...train, '--cache', cache, '--json')
    expect(first.stderr).toBe('')
    const bytes = readFileSync(cache)
    const second = await softmargin(...train, '--cache', cache, '--json')
    expect({ ...JSON.parse(second.stdout), seconds: 0 }).toEqual({ ...JSON.parse(first.stdout), seconds: 0 })
    expect(readFileSync(cache)).toEqual(bytes)
    const { layers, images } = JSON.parse(first.stdout)
    const { features } = JSON.parse((await softmargin('info', cache, '--json')).stdout)
    expect(features).toBe(layers.reduce((sum: number, each: { features: number }) => sum + each.features, 0))
    expect(images).toEqual({ train: 48, test: 12, skipped: 0 })
  })

  it('takes a CSV file of paths and labels', async () => {
    const table = join(pictures, '..', 'pictures.csv')
    const rows = ['one', 'zéro'].flatMap((name) =>
      [0, 2, 4, 6].map((i) => `"pictures/${name}/${i}.png",${name}`),
    )
    writeFileSync(table, ['path,label', ...rows, ''].join('\n'))
    const output = join(folder, 'table.onnx')
    const { code, stdout, stderr } = await softmargin('train', table, '-o', output, '--test-size', '0')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^8 images of 2 classes/)
    const evaluated = await softmargin('evaluate', output, table, '--json')
    expect(JSON.parse(evaluated.stdout).images).toBe(8)
    writeFileSync(table, 'file,label\na.png,a\n')
    const refused = await softmargin('evaluate', output, table)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/the columns path and label/)
    writeFileSync(table, 'path,label\n')
    expect((await softmargin('evaluate', output, table)).stderr).toMatch(/at least one picture/)
  })

  it('stops at Ctrl-C and leaves the old file', async () => {
    const messy = messyCopy('interrupted')
    writeFileSync(join(messy, 'notes.txt'), 'notes')
    const output = join(folder, 'kept.onnx')
    writeFileSync(output, 'old')
    const child = spawn(process.execPath, [program, 'train', messy, '-o', output], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      // The first thing it says, before any image is read.
      if (stderr === '') child.kill('SIGINT')
      stderr += chunk
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect(stderr).toMatch(/interrupted; no result was written\n$/)
    expect(code).toBe(130)
    expect(readFileSync(output, 'utf8')).toBe('old')
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})

describe('softmargin predict', () => {
  it('prints a line an image, and takes folders', async () => {
    const one = join(pictures, 'one', '0.png')
    const { code, stdout, stderr } = await softmargin('predict', model, one, join(pictures, 'zéro'))
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(21)
    expect(lines[0]).toBe(`${one}\tone`)
    expect(lines.filter((line) => line.endsWith('\tzéro')).length).toBeGreaterThanOrEqual(19)
  })

  it('answers JSON; an unreadable image is named and skipped', async () => {
    const text = join(folder, 'text.png')
    writeFileSync(text, 'I am no picture')
    const missing = join(folder, 'missing.png')
    const one = join(pictures, 'one', '0.png')
    const { code, stdout, stderr } = await softmargin('predict', '--json', model, text, one, missing)
    expect(code).toBe(0)
    expect(stderr).toContain(`skipped ${text}: `)
    expect(stderr).toContain('2 of 3 images could not be read and were skipped')
    const answer = JSON.parse(stdout)
    expect(answer.predictions).toEqual([{ image: one, label: 'one' }])
    expect(answer.skipped).toMatchObject([
      { image: text, code: 'IMAGE_UNREADABLE' },
      { image: missing, code: 'FILE_UNREADABLE' },
    ])
  })

  it('fails if no image can be read', async () => {
    const { code, stdout, stderr } = await softmargin('predict', model, join(folder, 'missing.png'))
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^softmargin: none of the 1 images can be read$/m)
  })
})

describe('probabilities', () => {
  it('are learnt on request, and printed behind the label', async () => {
    const output = join(folder, 'probability.onnx')
    const trained = await softmargin('train', pictures, '-o', output, '--probability', '--layer', 'stage3')
    expect(trained.code).toBe(0)
    const one = join(pictures, 'one', '0.png')
    const { stdout } = await softmargin('predict', output, one)
    expect(stdout).toMatch(/\tone\t[01]\.\d{3}\n$/)
    const asJson = await softmargin('predict', output, one, join(folder, 'missing.png'), '--json')
    const { predictions, skipped } = JSON.parse(asJson.stdout)
    expect(skipped).toHaveLength(1)
    expect(predictions).toHaveLength(1)
    const [{ label, probability, probabilities }] = predictions
    expect(Object.keys(probabilities)).toEqual(['eight', 'one', 'zéro'])
    expect(probability).toBe(probabilities[label])
    expect(probability.toFixed(3)).toBe(stdout.trimEnd().split('\t')[2])
  })
})

describe('softmargin extract', () => {
  it('writes features with names and labels, and goes on with a file', async () => {
    const output = join(folder, 'features.npz')
    const args = ['--layer', 'stage3', '--pooling', '2x2', '-o', output, '--json']
    const ones = await softmargin('extract', join(pictures, 'one'), ...args)
    expect(ones.stderr).toBe('')
    expect(ones.code).toBe(0)
    expect(JSON.parse(ones.stdout)).toMatchObject({ images: 20, added: 20, inFile: 20, features: 384 })
    const all = await softmargin('extract', pictures, ...args)
    expect(JSON.parse(all.stdout)).toMatchObject({ images: 60, added: 40, inFile: 60, layer: 'stage3' })
    const store = await FeatureStore.open(output)
    const at = store.names.indexOf(join(pictures, 'zéro', '0.png'))
    expect(store.labels[at]).toBe('zéro')
    using extractor = await FeatureExtractor.create({ layer: 'stage3', pooling: { grid: 2 } })
    const [wanted] = [await extractor.extract([join(pictures, 'zéro', '0.png')])]
    expect(store.features.row(at)).toEqual(wanted.row(0))
    const info = await softmargin('info', output)
    expect(info.stdout).toMatch(
      /^kind: a feature store\nimages: 60\nfeatures: 384\nclasses: \["eight","one","zéro"\]\n/,
    )
    const other = await softmargin('extract', pictures, '-o', output)
    expect(other.code).toBe(1)
    expect(other.stderr).toMatch(/their layer is stage3/)
  })
})

describe('softmargin layers', () => {
  it('lists the layers of a CNN', async () => {
    const { code, stdout } = await softmargin('layers', 'tiny')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^layer +operator +shape +work\n/)
    expect(stdout).toMatch(/^stage3 .* \d+ x \d+ x \d+ .* % {2}ends a stage$/m)
    expect(stdout.match(/ default$/gm)).toHaveLength(1)
    const { layers } = JSON.parse((await softmargin('layers', 'tiny', '--json')).stdout)
    expect(layers.map(({ name }: { name: string }) => name)).toContain('stage2')
  })
})

describe('softmargin info and convert', () => {
  it('says what a classifier and a CNN are', async () => {
    const { code, stdout } = await softmargin('info', model)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^kind: an image classifier\nclasses: \["eight","one","zéro"\]\nkernel: rbf\n/)
    expect(stdout).toMatch(/^layer: stage3\npooling: \{"grid":2\}$/m)
    const cnn = await softmargin('info', join(program, '../../tiny.onnx'), '--json')
    expect(JSON.parse(cnn.stdout)).toMatchObject({ kind: 'an ONNX model', defaultLayer: 'features' })
    const picture = await softmargin('info', join(pictures, 'one', '0.png'))
    expect(picture.code).toBe(1)
    expect(picture.stderr).toMatch(/a PNG image/)
  })

  it('turns an SVM from LIBSVM text into ONNX and back', async () => {
    const X = Array.from({ length: 20 }, (_, i) => [i % 5, (i * 7) % 3, (i * 3) % 4])
    const svc = await new SVC({ probability: true }).fit(
      X,
      X.map(([a], i) => (a > 2 ? 1 : (i % 2) + 2)),
    )
    const text = join(folder, 'a.model')
    writeFileSync(text, svc.toLibsvm())
    const onnx = join(folder, 'a.onnx')
    const there = await softmargin('convert', text, onnx)
    expect(there.stderr).toBe('')
    expect(there.stdout).toMatch(/\(ONNX\): 3 classes, \d+ support vectors of 3 columns\n$/)
    const info = await softmargin('info', onnx, '--json')
    expect(JSON.parse(info.stdout)).toMatchObject({
      kind: 'an SVM as ONNX',
      columns: 3,
      probabilities: 'yes',
    })
    const back = join(folder, 'b.model')
    const again = await softmargin('convert', onnx, back, '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ format: 'LIBSVM', classes: [1, 2, 3] })
    const copy = SVC.fromLibsvm(readFileSync(back, 'utf8'))
    expect(await copy.predict(X)).toEqual(await svc.predict(X))
    expect((await softmargin('info', back)).stdout).toMatch(/^kind: an SVM as LIBSVM model text\n/)
    const whole = await softmargin('convert', model, join(folder, 'c.model'))
    expect(whole.code).toBe(1)
    expect(whole.stderr).toMatch(/a whole image classifier/)
  })

  it('says what arrays are', async () => {
    const file = join(folder, 'arrays.npz')
    writeFileSync(file, writeNpz({ a: [1, 2, 3] }))
    expect((await softmargin('info', file)).stdout).toMatch(/^kind: NumPy arrays\nshapes: \{"a":\[3\]\}\n/)
    writeFileSync(file, writeNpy(new Float32Array(4)))
    expect((await softmargin('info', file)).stdout).toMatch(/^kind: a NumPy array\nshape: \[4\]\n/)
  })
})

describe('every command', () => {
  it.each(['train', 'predict', 'evaluate', 'extract', 'layers', 'info', 'convert'])(
    '%s has help with an example, and --json',
    async (name) => {
      const { stdout } = await softmargin(name, '--help')
      expect(stdout).toContain(`Example:\n  softmargin ${name} `)
      expect(stdout).toContain('--json')
    },
  )
})

describe('softmargin evaluate', () => {
  it('prints the report', async () => {
    const { code, stdout } = await softmargin('evaluate', model, pictures)
    expect(code).toBe(0)
    expect(stdout).toContain('precision')
    expect(stdout).toMatch(/\naccuracy [01]\.\d{3} on 60 images\n$/)
  })

  it('answers JSON', async () => {
    const { code, stdout } = await softmargin('evaluate', model, pictures, '--json')
    expect(code).toBe(0)
    const answer = JSON.parse(stdout)
    expect(answer).toMatchObject({ file: model, images: 60, skipped: [] })
    expect(answer.accuracy).toBeGreaterThan(0.9)
    expect(answer.report.classes).toHaveLength(3)
  })
})

describe('exit codes and messages', () => {
  const output = () => join(folder, 'never.onnx')
  it.each<[string, () => string[], number, RegExp]>([
    ['--help', () => ['--help'], 0, /^$/],
    ['--version', () => ['--version'], 0, /^$/],
    ['help of a command', () => ['train', '--help'], 0, /^$/],
    ['nothing', () => [], 2, /Usage: softmargin/],
    ['an unknown command', () => ['tarin'], 2, /unknown command 'tarin'/],
    [
      'an unknown option',
      () => ['train', pictures, '-o', output(), '--gama', '1'],
      2,
      /Did you mean --gamma/,
    ],
    ['no output', () => ['train', pictures], 2, /-o, --output <file>/],
    ['C of 0', () => ['train', pictures, '-o', output(), '--C', '0'], 2, /above 0/],
    ['C that is no number', () => ['train', pictures, '-o', output(), '--C', 'x'], 2, /must be a number/],
    ['gamma of -1', () => ['train', pictures, '-o', output(), '--gamma', '-1'], 2, /above 0/],
    ['an unknown kernel', () => ['train', pictures, '-o', output(), '--kernel', 'cosine'], 2, /linear, poly/],
    ['a grid that is no JSON', () => ['train', pictures, '-o', output(), '--grid', '{'], 2, /must be JSON/],
    [
      'a grid of nothing known',
      () => ['train', pictures, '-o', output(), '--grid', '{"c": [1]}'],
      2,
      /paramGrid/,
    ],
    ['one fold', () => ['train', pictures, '-o', output(), '--grid', '--cv', '1'], 2, /cv must be/],
    ['a test size of 1', () => ['train', pictures, '-o', output(), '--test-size', '1'], 2, /below 1/],
    ['an unknown layer', () => ['train', pictures, '-o', output(), '--layer', 'stag3'], 1, /'stage3'/],
    ['a folder that is not there', () => ['train', join(folder, 'no'), '-o', output()], 1, /cannot be read/],
    ['a folder without classes', () => ['train', join(pictures, 'one'), '-o', output()], 1, /sub-folder/],
    ['an output that is a folder', () => ['train', pictures, '-o', pictures], 1, /cannot be written/],
    ['an output in a file', () => ['train', pictures, '-o', join(model, 'x.onnx')], 1, /cannot be written/],
    ['a model that is none', () => ['predict', join(pictures, 'one', '0.png'), model], 1, /a PNG image/],
    ['a model that is not there', () => ['evaluate', join(folder, 'no.onnx'), pictures], 1, /no\.onnx/],
  ])('%s', async (_, args, wanted, message) => {
    const { code, stdout, stderr } = await softmargin(...args())
    expect(code).toBe(wanted)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^\s+at /m)
    if (wanted === 0) expect(stdout).not.toBe('')
    else expect(stdout).toBe('')
    expect(existsSync(output())).toBe(false)
  })

  it('a folder of one class', async () => {
    const alone = join(folder, 'alone')
    mkdirSync(join(alone, 'one'), { recursive: true })
    for (const name of ['a.png', 'b.png']) {
      copyFileSync(join(pictures, 'one', '0.png'), join(alone, 'one', name))
    }
    const { code, stderr } = await softmargin('train', alone, '-o', output())
    expect(code).toBe(1)
    expect(stderr).toMatch(/at least two classes/)
  })

  it('a class with one image only', async () => {
    const rare = messyCopy('rare')
    mkdirSync(join(rare, 'rare'))
    copyFileSync(join(pictures, 'one', '0.png'), join(rare, 'rare', 'a.png'))
    const { code, stderr } = await softmargin('train', rare, '-o', output())
    expect(code).toBe(1)
    expect(stderr).toMatch(/"rare" has 1/)
  })

  it('tells the version of the package', async () => {
    const { version: wanted } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    expect((await softmargin('--version')).stdout).toBe(`${wanted}\n`)
    expect(version).toBe(wanted)
  })
})
