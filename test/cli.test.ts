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
import { ImageClassifier, version } from '../src/index.ts'
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
})
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
    expect(stderr).toMatch(/interrupted; nothing was written\n$/)
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
