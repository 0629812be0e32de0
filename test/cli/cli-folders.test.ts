import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageClassifier } from '../../src/index.ts'
import { CliFolder, softmargin } from '../support/cli.ts'
import { digit } from '../support/digits.ts'

/** The first bytes of a TIFF file, from which the format is recognised. */
const tiff = Buffer.concat([Buffer.from('II*\0'), Buffer.alloc(40)])

let place: CliFolder
let folder: string
let pictures: string
let output: string

beforeAll(async () => {
  place = await CliFolder.open()
  folder = place.folder
  pictures = place.pictures
  output = join(folder, 'out.onnx')
}, 60_000)
afterAll(() => place.close())

const train = (from: string, ...more: string[]) =>
  softmargin('train', from, '-o', output, '--layer', 'stage3', ...more)

/** Creates a folder with these files, by relative path. */
function folderOf(name: string, files: Record<string, Uint8Array | string>): string {
  const made = join(folder, name)
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(join(made, path, '..'), { recursive: true })
    writeFileSync(join(made, path), bytes)
  }
  return made
}

describe('a folder of images', () => {
  it('may consist of links, including one to a parent folder', async () => {
    const linked = join(folder, 'linked')
    mkdirSync(linked)
    for (const kind of ['one', 'eight']) symlinkSync(join(pictures, kind), join(linked, kind))
    symlinkSync('..', join(linked, 'back'))
    symlinkSync('nowhere', join(linked, 'gone'))
    const inner = place.copy('with-links')
    symlinkSync('..', join(inner, 'one', 'loop'))
    symlinkSync(join(pictures, 'one', '0.png'), join(inner, 'one', 'linked.png'))
    const first = await train(linked, '--json')
    expect(first.stderr).toMatch(/^skipped 1 file that does not end in \.png, .* or \.bmp: .*gone$/m)
    expect(JSON.parse(first.stdout)).toMatchObject({
      classes: ['eight', 'one'],
      images: { train: 32, test: 8 },
    })
    const second = await train(inner, '--test-size', '0')
    expect(second.stderr).toBe('')
    expect(second.stdout).toMatch(/^61 images of 3 classes/)
  })

  it('may contain files that operating systems create', async () => {
    const messy = place.copy('littered')
    for (const name of ['.DS_Store', 'one/.DS_Store', 'one/._0.png']) writeFileSync(join(messy, name), 'x')
    const { code, stderr } = await train(messy)
    expect([code, stderr]).toEqual([0, ''])
  })

  it('with unsupported formats only: names them and says what to do', async () => {
    const all = folderOf('tiff', { 'a/0.tiff': tiff, 'a/1.tiff': tiff, 'b/0.tiff': tiff })
    const none = await train(all)
    expect(none.code).toBe(1)
    expect(none.stderr).toMatch(
      /but contains 3 TIFF images, which are not supported; convert the files to PNG or JPEG/,
    )
    const some = place.copy('some-tiff')
    mkdirSync(join(some, 'photos'))
    writeFileSync(join(some, 'photos', 'a.tiff'), tiff)
    const mixed = await train(some)
    expect(mixed.code).toBe(0)
    expect(mixed.stderr).toMatch(/^skipped .*photos: it contains no file that ends in \.png/m)
    expect(mixed.stderr).toMatch(
      /^skipped 1 file .*a\.tiff \(1 TIFF image, which are not supported; convert/m,
    )
    expect((await softmargin('extract', all, '-o', join(folder, 'a.npz'))).stderr).toMatch(/3 TIFF images/)
    expect((await softmargin('predict', output, all)).stderr).toMatch(/tiff' must contain .* 3 TIFF images/)
  })

  it('without class folders, or with files without extensions: says what to do', async () => {
    const flat = await train(join(pictures, 'one'))
    expect(flat.stderr).toMatch(/its 20 pictures are not in sub-folders; create a folder for each class/)
    const bare = join(folder, 'bare')
    mkdirSync(join(bare, 'a'), { recursive: true })
    copyFileSync(join(pictures, 'one', '0.png'), join(bare, 'a', '0'))
    expect((await train(bare)).stderr).toMatch(/1 PNG image, whose names do not end in \.png.*rename them/)
  })

  it('names each unreadable image once', async () => {
    const messy = place.copy('messy')
    writeFileSync(join(messy, 'one', 'a.png'), tiff)
    const { stderr } = await train(messy)
    expect(stderr).toMatch(
      /^skipped .*a\.png: it must be a JPEG, PNG, WebP, AVIF, GIF or BMP image, but is a TIFF image$/m,
    )
  })
})

describe('the hold-out set', () => {
  it('needs two images of each class', async () => {
    const rare = place.copy('rare')
    mkdirSync(join(rare, 'rare'))
    copyFileSync(join(pictures, 'one', '0.png'), join(rare, 'rare', 'a.png'))
    const refused = await train(rare)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/'rare' has only one; add pictures, remove the class/)
    const whole = await train(rare, '--test-size', '0')
    expect(whole.code).toBe(0)
    expect(whole.stderr).toMatch(/^1 class has fewer than 5 images, .*: 'rare' has 1$/m)
  })

  it('warns about classes without an image in it, and lists them in the report', async () => {
    const few = place.copy('few')
    for (const name of readdirSync(join(few, 'eight')).slice(2)) rmSync(join(few, 'eight', name))
    // Ties between equal remainders are broken at random; with this seed the class is left out.
    const { code, stdout, stderr } = await train(few, '--test-size', '0.1', '--json')
    expect(code).toBe(0)
    expect(stderr).toMatch(/class 'eight' has only 2 pictures, so none is held out/)
    const { holdOut } = JSON.parse(stdout)
    expect(holdOut.confusionMatrix.labels).toEqual(['eight', 'one', 'zéro'])
    expect(holdOut.report.classes[0]).toMatchObject({ label: 'eight', support: 0 })
    expect(holdOut.report.macroAverage.recall).toBeGreaterThan(0.7)
  })

  it('must have room for every class', async () => {
    const { code, stderr } = await train(pictures, '--test-size', '0.01')
    expect(code).toBe(1)
    expect(stderr).toMatch(/--test-size 0\.01 holds out 1 of 60 pictures, but each of the 3 classes/)
  })
})

describe('a CSV file', () => {
  const table = (...rows: string[]) => {
    const file = join(folder, 'table.csv')
    writeFileSync(file, ['path,label', ...rows, ''].join('\n'))
    return train(file)
  }

  it('is refused with a message that names the fault', async () => {
    expect((await table('a.png,a', 'b.png,')).stderr).toMatch(/table\.csv' .* row 2 has no label/)
    expect((await table('a.png,a', 'a.png,b')).stderr).toMatch(/lists 'a\.png' twice, as 'a' and as 'b'/)
    expect((await train(join(pictures, 'one', '0.png'))).stderr).toMatch(
      /0\.png' cannot be read: it is a PNG image/,
    )
    writeFileSync(join(folder, 'empty.csv'), '')
    expect((await train(join(folder, 'empty.csv'))).stderr).toMatch(/empty\.csv' cannot be read: it is empty/)
  })
})

describe('the feature cache', () => {
  it('that was created without mirror images: the message names --mirror', async () => {
    const cache = join(folder, 'cache.npz')
    expect((await train(pictures, '--cache', cache)).code).toBe(0)
    const other = await train(pictures, '--cache', cache, '--mirror')
    expect(other.code).toBe(1)
    expect(other.stderr).toMatch(
      /they were computed with mirror: false, but the extractor has mirror: true$/m,
    )
  })

  it('must be a feature store and differ from the output file', async () => {
    const same = await train(pictures, '--cache', output)
    expect([same.code, same.stderr]).toEqual([2, expect.stringMatching(/a different file from --output/)])
    const text = join(folder, 'notes.npz')
    writeFileSync(text, 'notes')
    expect((await train(pictures, '--cache', text)).stderr).toMatch(
      /--cache '.*notes\.npz' exists, but is not a feature store/,
    )
  })
})

describe('evaluate', () => {
  it('matches folder names with numeric classes, and names folders that match none', async () => {
    using classifier = await ImageClassifier.create()
    const images = [...Array(12)].map((_, i) => digit(i % 2, i))
    await classifier.fit(
      images,
      images.map((_, i) => i % 2),
    )
    const model = join(mkdtempSync(join(tmpdir(), 'softmargin-')), 'numbers.onnx')
    writeFileSync(model, await classifier.save())
    const numbers = join(folder, 'numbers')
    for (const [name, kind] of Object.entries({ 0: 'zéro', 1: 'one' })) {
      mkdirSync(join(numbers, name), { recursive: true })
      for (const i of [0, 2, 4])
        copyFileSync(join(pictures, kind, `${i}.png`), join(numbers, name, `${i}.png`))
    }
    const fine = await softmargin('evaluate', model, numbers, '--json')
    expect(fine.stderr).toBe('')
    expect(JSON.parse(fine.stdout).confusionMatrix.labels).toEqual([0, 1])
    const words = await softmargin('evaluate', model, pictures)
    expect(words.code).toBe(2)
    expect(words.stderr).toMatch(/must be among the classifier's: 0, 1; they are 'eight', 'one', 'zéro'/)
  })
})
