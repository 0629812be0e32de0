import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageClassifier } from '../../src/index.ts'
import { CliFolder, type Outcome, program, softmargin } from '../support/cli.ts'
import { digit, jpegOf } from '../support/digits.ts'

let place: CliFolder
let folder: string
let pictures: string

beforeAll(async () => {
  place = await CliFolder.open()
  folder = place.folder
  pictures = place.pictures
}, 60_000)
afterAll(() => place.close())

describe('softmargin train', () => {
  it('writes a working file and prints the hold-out accuracy last', async () => {
    const output = join(folder, 'new', 'folder', 'a.onnx')
    const { code, stdout, stderr } = await softmargin('train', pictures, '--output', output)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toContain('confusion matrix')
    expect(stdout).toMatch(/48 images of 3 classes, /)
    expect(stdout).toMatch(/^with twice the images perhaps [01]\.\d\d$/m)
    expect(stdout).toMatch(/\nhold-out accuracy [01]\.\d{3}\n$/)
    expect(stdout).toMatch(/^after the evaluation it has learnt from the 12 images that were held out, too/m)
    expect(readdirSync(join(folder, 'new', 'folder'))).toEqual(['a.onnx'])
    using classifier = await ImageClassifier.load(output)
    expect(classifier.classes).toEqual(['eight', 'one', 'zéro'])
  })

  it('saves a classifier trained on all images, or only on those not held out', async () => {
    const all = join(folder, 'all.onnx')
    const cache = join(folder, 'all.npz')
    const train = ['train', pictures, '-o', all, '--cache', cache, '--json']
    const first = JSON.parse((await softmargin(...train)).stdout)
    expect(first).toMatchObject({ images: { train: 48, test: 12 }, refit: { images: 60 } })
    const kept = JSON.parse((await softmargin(...train, '--keep-holdout')).stdout)
    expect(kept).toMatchObject({ images: { train: 48, test: 12 }, refit: null })
    expect(kept.holdOut).toEqual(first.holdOut)
    const vectors = (answer: { bytes: number }) => answer.bytes
    expect(vectors(first)).toBeGreaterThan(vectors(kept))
    const { stdout } = await softmargin('train', pictures, '-o', all, '--keep-holdout')
    expect(stdout).not.toContain('after the evaluation')
    const none = JSON.parse((await softmargin(...train, '--test-size', '0')).stdout)
    expect(none).toMatchObject({ images: { train: 60, test: 0 }, refit: null })
  })

  it('writes a report with pictures, of all images or of those not held out', async () => {
    const own = place.copy('report')
    copyFileSync(join(own, 'one', '0.png'), join(own, 'zéro', 'stray.png'))
    const report = join(folder, 'report', 'a.html')
    const train = ['train', own, '-o', join(folder, 'r.onnx'), '--report', report, '--seed', '2']
    for (const more of [['--probability'], ['--keep-holdout'], ['--test-size', '0']]) {
      const { code } = await softmargin(...train, ...more)
      expect(code).toBe(0)
      const html = readFileSync(report, 'utf8')
      expect(html).toMatch(/^<!DOCTYPE html>/)
      expect(html).not.toMatch(/https?:|<script/)
      expect(html).toContain('Labels that may be wrong')
      expect(html.includes('Confusion matrix')).toBe(more[0] !== '--test-size')
      if (more[0] === '--probability') {
        expect(html).toMatch(/stray\.png/)
        expect(html.match(/<svg /g)).toHaveLength(2)
        expect(html).toContain('zéro, perhaps one')
      }
    }
    const refused = await softmargin(...train.with(-3, join(folder, 'r.onnx')))
    expect(refused.stderr).toMatch(/--report must be a different file from --output/)
    expect(refused.code).toBe(2)
  })

  it('warns about held-out images that are also trained on, few images and uneven classes', async () => {
    const messy = place.copy('copies')
    for (let i = 0; i < 10; i += 2) {
      copyFileSync(join(messy, 'one', `${i}.png`), join(messy, 'one', `copy${i}.png`))
    }
    for (let i = 4; i < 20; i++) {
      rmSync(join(messy, 'eight', `${i}.${i % 2 === 0 ? 'png' : 'JPEG'}`))
    }
    const { code, stdout, stderr } = await softmargin('train', messy, '-o', join(folder, 'd.onnx'), '--json')
    expect(code).toBe(0)
    const { leaks } = JSON.parse(stdout)
    expect(leaks.length).toBeGreaterThan(0)
    for (const { images, labels, similarity } of leaks) {
      expect(images[0].replace('copy', '')).toBe(images[1].replace('copy', ''))
      expect({ labels, similarity }).toEqual({ labels: ['one', 'one'], similarity: 1 })
    }
    expect(stderr).toContain(`${leaks[0].images[1]} is a near-duplicate of ${leaks[0].images[0]}\n`)
    expect(stderr).toMatch(/^\d+ held-out images? (is a|are) near-duplicates? of training images, so that/m)
    expect(stderr).toMatch(/^1 class has fewer than 5 images, which is little to learn from: 'eight' has 3$/m)
    expect(stderr).toMatch(/^class 'one' has \d+ images and class 'eight' has 3: images of rare classes/m)
  })

  it('fine-tunes the CNN on request and reports whether that helped', async () => {
    const output = join(folder, 'tuned.onnx')
    const options = '{"from": "stage3", "epochs": 1, "batchSize": 8}'
    const run = (...more: string[]) =>
      softmargin('train', pictures, '-o', output, '--fine-tune', options, ...more)
    const { code, stdout, stderr } = await run()
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^CNN trained above stage3, 1 epoch\non 10 images held out from it: [\d.]+ before, /m,
    )
    expect(stdout).toMatch(/: (the trained CNN is kept|not clearly better: the CNN stays as it was)$/m)
    const { fineTuning, holdOut } = JSON.parse((await run('--json')).stdout)
    expect(fineTuning).toMatchObject({ from: 'stage3', epochs: 1, validation: { images: 10 } })
    expect(holdOut.images).toBe(12)
    using classifier = await ImageClassifier.load(output)
    expect(classifier.classes).toEqual(['eight', 'one', 'zéro'])
  }, 120_000)

  it.each([
    ['options that are not JSON', ['--fine-tune', '{epochs'], /It must be JSON such as/],
    ['options that are not an object', ['--fine-tune', '[1]'], /It must be JSON such as/],
    ['a misspelt option', ['--fine-tune', '{"epoch": 1}'], /did you mean 'epochs'/],
    [
      'a cache beside it',
      ['--fine-tune', '--cache', 'features.npz'],
      /--cache must be omitted with --fine-tune/,
    ],
  ])('refuses %s', async (_, options, message) => {
    const { code, stderr } = await softmargin('train', pictures, '-o', join(folder, 'no.onnx'), ...options)
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })

  it('searches a grid and prints JSON', async () => {
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

  it('prints the grid that --grid searches by default, with the best marked', async () => {
    const { code, stdout } = await softmargin('train', pictures, '-o', join(folder, 'b.onnx'), '--grid')
    expect(code).toBe(0)
    expect(stdout.match(/ rbf .* best$/gm)).toHaveLength(1)
    expect(stdout.match(/ rbf /gm)).toHaveLength(12)
  })

  it('uses every image without a hold-out', async () => {
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

  it('lists what it skips: unreadable images, other files, empty folders', async () => {
    const messy = place.copy('messy')
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
    expect(stderr).toMatch(/^skipped .*nothing: it contains no /m)
    expect(stderr).toMatch(/^skipped 1 file .*notes\.txt$/m)
    const { images, skipped } = JSON.parse(stdout)
    expect(images.skipped).toBe(3)
    expect(images.train + images.test).toBe(60)
    expect(skipped.map(({ code }: { code: string }) => code)).toEqual(Array(3).fill('IMAGE_UNREADABLE'))
  })

  it('chooses the best layer', async () => {
    const output = join(folder, 'auto.onnx')
    const train = ['train', pictures, '-o', output, '--layer', 'auto', '--pooling', 'average', '--cv', '2']
    const { code, stdout, stderr } = await softmargin(...train)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^layer +pooling +features +accuracy +\+-\n/)
    const best = stdout.split('\n').find((line) => / used\b/.test(line))!
    using classifier = await ImageClassifier.load(output)
    expect(best.split(' ')[0]).toBe(classifier.extractor.describe().layer)
  })

  it('stores features, and rejects those of another layer', async () => {
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
    expect(other.stderr).toMatch(/their layer is stage3, but the extractor's is stage2$/m)
  })

  it('stores the features of all layers that it chooses from', async () => {
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

  it('reads a CSV file of paths and labels', async () => {
    const table = join(pictures, '..', 'pictures.csv')
    const rows = ['one', 'zéro'].flatMap((name) =>
      [0, 2, 4, 6, 8].map((i) => `"pictures/${name}/${i}.png",${name}`),
    )
    writeFileSync(table, ['path,label', ...rows, ''].join('\n'))
    const output = join(folder, 'table.onnx')
    const { code, stdout, stderr } = await softmargin('train', table, '-o', output, '--test-size', '0')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^10 images of 2 classes/)
    const evaluated = await softmargin('evaluate', output, table, '--json')
    expect(JSON.parse(evaluated.stdout).images).toBe(10)
    writeFileSync(table, 'file,label\na.png,a\n')
    const refused = await softmargin('evaluate', output, table)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/the columns path and label/)
    writeFileSync(table, 'path,label\n')
    expect((await softmargin('evaluate', output, table)).stderr).toMatch(/at least one picture/)
  })

  it('stops at Ctrl-C and leaves the old file unchanged', async () => {
    const messy = place.copy('interrupted')
    writeFileSync(join(messy, 'notes.txt'), 'notes')
    const output = join(folder, 'kept.onnx')
    writeFileSync(output, 'old')
    const child = spawn(process.execPath, [program, 'train', messy, '-o', output], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      // At the first output, before any image is read.
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
