import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliFolder, softmargin } from '../support/cli.ts'
import { digit, pngOf } from '../support/digits.ts'

let place: CliFolder
let folder: string
let pictures: string
let model: string

beforeAll(async () => {
  place = await CliFolder.withModel()
  ;({ folder, pictures, model } = place)
}, 60_000)
afterAll(() => place.close())

describe('softmargin predict', () => {
  it('prints a line for each image and accepts folders', async () => {
    const one = join(pictures, 'one', '0.png')
    const { code, stdout, stderr } = await softmargin('predict', model, one, join(pictures, 'zéro'))
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(21)
    expect(lines[0]).toBe(`${one}\tone`)
    expect(lines.filter((line) => line.endsWith('\tzéro')).length).toBeGreaterThanOrEqual(19)
  })

  it('prints JSON; names and skips an unreadable image', async () => {
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
  it('are computed on request and printed after the label', async () => {
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
    const ranked = await softmargin('predict', output, one, '--top', '2')
    expect(ranked.stdout).toMatch(/\tone\t[01]\.\d{3}\t(eight|zéro)\t0\.\d{3}\n$/)
    expect((await softmargin('predict', output, one, '--top', '0')).code).toBe(2)
    const without = await softmargin('predict', model, one, '--top', '2')
    expect(without.code).toBe(2)
    expect(without.stderr).toContain('--probability')
  })
})

describe('images of none of the classes', () => {
  it('are reported on request', async () => {
    const output = join(folder, 'unknown.onnx')
    const train = ['train', pictures, '-o', output, '--layer', 'stage3', '--test-size', '0']
    expect((await softmargin(...train, '--unknown', '--reject', '2')).code).toBe(2)
    expect((await softmargin(...train, '--unknown', '--reject', '0.2')).code).toBe(0)
    const one = join(pictures, 'one', '0.png')
    // A picture of noise is not a digit.
    const noise = join(folder, 'noise.png')
    const data = Uint8Array.from({ length: 28 * 28 }, (_, i) => (i * i * 7919) % 256)
    writeFileSync(noise, await pngOf({ data, width: 28, height: 28, channels: 1 }))
    const { stdout } = await softmargin('predict', output, one, noise)
    expect(stdout).toBe(`${one}\tone\n${noise}\tnone of these\n`)
    const asJson = await softmargin('predict', output, noise, '--json')
    expect(JSON.parse(asJson.stdout).predictions).toEqual([{ image: noise, label: null }])
    const evaluated = await softmargin('evaluate', output, pictures)
    expect(evaluated.stdout).toMatch(/refused as none of these: \d+\.\d % of \d+ images of its classes/)
    expect(evaluated.stdout).toContain('taken for one of its classes: no image of other classes')
    const document = JSON.parse((await softmargin('evaluate', output, pictures, '--json')).stdout)
    expect(document.unknown).toMatchObject({ others: 0, wronglyAccepted: null })
  })

  it('are told better with a background, which is checked before pictures are read', async () => {
    const output = join(folder, 'background.onnx')
    const train = ['train', pictures, '-o', output, '--layer', 'stage3', '--test-size', '0']
    const others = join(folder, 'others')
    mkdirSync(others)
    for (let n = 0; n < 120; n++) {
      writeFileSync(join(others, `${n}.png`), await pngOf(digit(2 + (n % 5), Math.floor(n / 5))))
    }
    const { code, stderr } = await softmargin(...train, '--unknown', '--background', others)
    expect(stderr).not.toContain('are left out')
    expect(code).toBe(0)
    const scored = await softmargin('predict', output, join(pictures, 'one', '0.png'))
    expect(scored.stdout).toContain('one')
    const without = await softmargin(...train, '--background', others)
    expect([without.code, without.stderr]).toEqual([2, expect.stringContaining('together with --unknown')])
    const few = await softmargin(...train, '--unknown', '--background', join(pictures, 'one'))
    expect([few.code, few.stderr]).toEqual([1, expect.stringContaining('at least 100 images, but holds 20')])
    const bundled = await softmargin(...train, '--unknown', '--background', 'default')
    expect(bundled.stderr).toContain("bundled CNN's default layer")
  })
})

describe('softmargin evaluate', () => {
  it('prints the report', async () => {
    const { code, stdout } = await softmargin('evaluate', model, pictures)
    expect(code).toBe(0)
    expect(stdout).toContain('precision')
    expect(stdout).toMatch(/\naccuracy [01]\.\d{3} on 60 images\n$/)
  })

  it('prints JSON', async () => {
    const { code, stdout } = await softmargin('evaluate', model, pictures, '--json')
    expect(code).toBe(0)
    const answer = JSON.parse(stdout)
    expect(answer).toMatchObject({ file: model, images: 60, skipped: [] })
    expect(answer.accuracy).toBeGreaterThan(0.9)
    expect(answer.report.classes).toHaveLength(3)
  })
})

describe('softmargin next', () => {
  it('names pictures to label, with the label that it expects and its uncertainty', async () => {
    const { code, stdout, stderr } = await softmargin('next', model, pictures, '-n', '5')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(5)
    for (const line of lines) {
      const [image, label, uncertainty] = line.split('\t')
      expect(existsSync(image)).toBe(true)
      expect(['eight', 'one', 'zéro']).toContain(label)
      expect(Number(uncertainty)).toBeGreaterThanOrEqual(0)
      expect(Number(uncertainty)).toBeLessThanOrEqual(1)
    }
    const json = JSON.parse((await softmargin('next', model, pictures, '-n', '5', '--json')).stdout)
    expect(json.next.map(({ image }: { image: string }) => image)).toEqual(
      lines.map((line) => line.split('\t')[0]),
    )
    expect((await softmargin('next', model, pictures, '-n', '0')).code).toBe(2)
  })
})

describe('softmargin suspects', () => {
  it('lists images in the wrong folder, the most suspicious first', async () => {
    const own = await CliFolder.open()
    try {
      renameSync(join(own.pictures, 'one', '0.png'), join(own.pictures, 'zéro', 'stray.png'))
      const options = ['--layer', 'stage3', '--pooling', '2x2']
      const { code, stdout, stderr } = await softmargin('suspects', own.pictures, ...options)
      expect(stderr).toBe('')
      expect(code).toBe(0)
      const [image, label, suggested, score] = stdout.split('\n')[0].split('\t')
      expect([image, label, suggested]).toEqual([join(own.pictures, 'zéro', 'stray.png'), 'zéro', 'one'])
      expect(Number(score)).toBeGreaterThan(0.5)
      const json = JSON.parse((await softmargin('suspects', own.pictures, ...options, '--json')).stdout)
      expect(json.images).toBe(60)
      expect(json.suspects[0]).toMatchObject({ image, label, suggested })
    } finally {
      own.close()
    }
  })

  it('lists near-duplicates, and those with two labels by name', async () => {
    const own = await CliFolder.open()
    try {
      const [one, zero] = ['one', 'zéro'].map((name) => join(own.pictures, name))
      copyFileSync(join(one, '2.png'), join(zero, 'copy.png'))
      copyFileSync(join(one, '4.png'), join(one, 'copy.png'))
      const { code, stdout, stderr } = await softmargin('suspects', own.pictures, '--json')
      expect(code).toBe(0)
      const torn = [join(one, '2.png'), join(zero, 'copy.png')]
      expect(stderr).toBe(
        `${torn[0]} (one) and ${torn[1]} (zéro) are near-duplicates with different labels\n1 pair of near-duplicates has one label\n`,
      )
      const { duplicates } = JSON.parse(stdout)
      expect(duplicates).toHaveLength(2)
      expect(duplicates).toContainEqual({ images: torn, labels: ['one', 'zéro'], similarity: 1 })
    } finally {
      own.close()
    }
  })

  it('rejects a class with a single image', async () => {
    const own = await CliFolder.open()
    try {
      mkdirSync(join(own.pictures, 'alone'))
      renameSync(join(own.pictures, 'one', '0.png'), join(own.pictures, 'alone', '0.png'))
      const { code, stderr } = await softmargin('suspects', own.pictures)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^softmargin: each class must have at least 2 images, .* "alone" has 1$/m)
    } finally {
      own.close()
    }
  })
})
