import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeImage, ImageClassifier } from '../../src/index.ts'
import { CliFolder, softmargin } from '../support/cli.ts'

let place: CliFolder
let model: string
let picture: string
beforeAll(async () => {
  place = await CliFolder.withModel()
  model = place.model
  picture = join(place.pictures, 'one', '0.png')
}, 60_000)
afterAll(() => place.close())

describe('softmargin explain', () => {
  it('draws the map over the picture', async () => {
    const output = join(place.folder, 'new', 'why.png')
    const { code, stdout, stderr } = await softmargin('explain', model, picture, '-o', output)
    expect([code, stderr]).toEqual([0, ''])
    using classifier = await ImageClassifier.load(model)
    const { label, score, pixels } = await classifier.explain(picture)
    expect(stdout).toBe(`${picture}\t${label}\t${score.toFixed(3)}\t${output}\n`)
    const drawn = await decodeImage(readFileSync(output))
    expect([drawn.width, drawn.height]).toEqual([28, 28])
    expect(Buffer.from(drawn.data).equals(Buffer.from(pixels.data))).toBe(true)
    // Something is coloured: the digit itself is grey.
    expect(drawn.data.some((value, i) => i % 4 === 0 && Math.abs(value - drawn.data[i + 2]) > 50)).toBe(true)
  })

  it('explains another class, and prints JSON', async () => {
    const output = join(place.folder, 'eight.png')
    const options = ['-o', output, '--label', 'eight', '--method', 'occlusion', '--json']
    const { code, stdout } = await softmargin('explain', model, picture, ...options)
    expect(code).toBe(0)
    const json = JSON.parse(stdout)
    expect(json).toEqual({
      ...{ file: model, image: picture, label: 'eight', score: expect.any(Number), method: 'occlusion' },
      ...{ window: { left: 0, top: 0, width: 28, height: 28 }, output },
    })
    expect(json.score).toBeLessThan(0)
    expect(existsSync(output)).toBe(true)
  })

  it.each([
    ['an unknown class', () => ['--label', 'eigth'], 2, /'eigth' is not one of .* did you mean 'eight'/],
    ['a method that the layer does not allow', () => ['--method', 'layer'], 2, /use 'occlusion'/],
    ['an unknown method', () => ['--method', 'gradcam'], 2, /Allowed choices are layer, occlusion/],
    ['an output that is a folder', () => ['-o', place.folder], 1, /cannot be written/],
  ])('refuses %s', async (_, options, wanted, message) => {
    const output = join(place.folder, 'never.png')
    const { code, stdout, stderr } = await softmargin('explain', model, picture, '-o', output, ...options())
    expect([code, stdout]).toEqual([wanted, ''])
    expect(stderr).toMatch(message)
    expect(existsSync(output)).toBe(false)
  })
})
