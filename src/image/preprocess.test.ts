import { describe, expect, it } from 'vitest'
import { outputSize, resolvePreprocess } from './preprocess.ts'
import type { Preprocess } from './preprocess-options.ts'

describe('resolvePreprocess', () => {
  it("falls back to the model's values, then to ImageNet's", async () => {
    expect(await resolvePreprocess()).toEqual({
      size: { width: 224, height: 224 },
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      rescale: 1 / 255,
      resample: 'bilinear',
      order: 'rgb',
    })
    const own: Preprocess = { size: { shortestEdge: 36 }, crop: 32, mean: [1, 2, 3], resample: 'bicubic' }
    const resolved = await resolvePreprocess({ std: [4, 5, 6] }, own)
    expect(resolved).toMatchObject({
      size: { shortestEdge: 36 },
      mean: [1, 2, 3],
      std: [4, 5, 6],
      resample: 'bicubic',
    })
    expect(outputSize(resolved)).toEqual({ width: 32, height: 32 })
  })

  it('takes size and crop together from the same source', async () => {
    expect(await resolvePreprocess({ size: 48 }, { size: 36, crop: 32 })).not.toHaveProperty('crop')
    expect(await resolvePreprocess({ crop: 48 }, { size: 36, crop: 32 })).not.toHaveProperty('size')
  })

  it('uses the channels and the size of the model', async () => {
    const resolved = await resolvePreprocess({}, {}, { channels: 1, size: { width: 28, height: 20 } })
    expect(resolved).toMatchObject({ order: 'grey', size: { width: 28, height: 20 } })
    expect(resolved.mean).toHaveLength(1)
  })

  it('is idempotent', async () => {
    const resolved = await resolvePreprocess({ size: { shortestEdge: 36 }, crop: 32, order: 'bgr' })
    expect(await resolvePreprocess(JSON.parse(JSON.stringify(resolved)))).toEqual(resolved)
  })

  it.each<[unknown, string]>([
    [7, 'preprocess'],
    [{ size: 0 }, 'preprocess.size'],
    [{ size: 1.5 }, 'preprocess.size'],
    [{ size: 1e6 }, 'preprocess.size'],
    [{ size: '32' }, 'preprocess.size'],
    [{ size: { width: 3 } }, 'preprocess.size.height'],
    [{ size: { shortestEdge: 32 } }, 'preprocess.crop'],
    [{ size: { shortestEdge: -1 }, crop: 3 }, 'preprocess.size.shortestEdge'],
    [{ crop: Number.NaN }, 'preprocess.crop'],
    [{ mean: [0, 0] }, 'preprocess.mean'],
    [{ mean: [0, 0, Number.NaN] }, 'preprocess.mean'],
    [{ std: [1, 0, 1] }, 'preprocess.std'],
    [{ rescale: 0 }, 'preprocess.rescale'],
    [{ resample: 'lanczos' }, 'preprocess.resample'],
    [{ order: 'rbg' }, 'preprocess.order'],
    [{ order: 'grey' }, 'preprocess.order'],
  ])('rejects %o', async (given, argument) => {
    await expect(resolvePreprocess(given as Preprocess)).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }),
    )
  })
})
