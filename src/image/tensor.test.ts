import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeImage } from './decode.ts'
import { outputSize, resolvePreprocess } from './preprocess.ts'
import type { Preprocess } from './preprocess-options.ts'
import { tensorLength, writeTensor } from './tensor.ts'

const folder = new URL('../../test/fixtures/images/', import.meta.url)
const cases: { file: string; preprocess: Preprocess; expected: string }[] = JSON.parse(
  readFileSync(new URL('pictures.json', folder), 'utf8'),
)

/** The tensor of a fixture picture, with byte values from 0 to 255. */
async function bytesOf(file: string, options: Preprocess) {
  const channels = options.order === 'grey' ? 1 : 3
  const zeros = Array(channels).fill(0)
  const preprocess = await resolvePreprocess(
    { ...options, rescale: 1, mean: zeros, std: zeros.map(() => 1) },
    {},
    { channels },
  )
  const tensor = new Float32Array(tensorLength(preprocess))
  writeTensor(await decodeImage(new URL(file, folder)), preprocess, tensor)
  return { tensor, ...outputSize(preprocess), channels }
}

describe('the tensor matches torchvision and PIL', () => {
  it.each(cases)('$file $preprocess', async ({ file, preprocess, expected }) => {
    const { tensor, width, height, channels } = await bytesOf(file, preprocess)
    const wanted = readFileSync(new URL(expected, folder))
    expect(tensor.length).toBe(wanted.length)
    let worst = 0
    let sum = 0
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < width * height; i++) {
        const difference = Math.abs(tensor[c * width * height + i] - wanted[i * channels + c])
        worst = Math.max(worst, difference)
        sum += difference
      }
    }
    // PNG decoding and resizing match to the bit; JPEG decoders differ in rounding.
    expect(worst).toBeLessThanOrEqual(/(jpg)$/.test(file) || file.includes('alpha') ? 2 : 0)
    expect(sum / wanted.length).toBeLessThanOrEqual(0.3)
  })

  it('with mean and std of ImageNet', async () => {
    const preprocess = await resolvePreprocess({ size: 32 })
    const tensor = new Float32Array(tensorLength(preprocess))
    writeTensor(await decodeImage(new URL('150x90.png', folder)), preprocess, tensor)
    const wanted = new Float32Array(new Uint8Array(readFileSync(new URL('tensor.raw', folder))).buffer)
    expect(tensor.length).toBe(wanted.length)
    const worst = tensor.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0)
    expect(worst).toBeLessThanOrEqual(2 / 255 / 0.224)
  })

  it('extreme proportions cost no more than the cropped picture', async () => {
    const preprocess = await resolvePreprocess({ size: { shortestEdge: 224 }, crop: 224 })
    const target = new Float32Array(tensorLength(preprocess))
    for (const [width, height] of [
      [20_000, 20],
      [20, 20_000],
      [20_000, 1],
    ]) {
      const data = new Uint8Array(width * height * 3).fill(255)
      writeTensor(await decodeImage({ data, width, height, channels: 3 }), preprocess, target)
      expect(target[0]).toBeCloseTo((1 - 0.485) / 0.229, 6)
      expect(target.every((value) => value > 2)).toBe(true)
    }
  })
})
