import { expect, it } from 'vitest'
import { texturePreprocess, textures } from '../../../test/support/textures.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import { keepActivations, keepImages } from './kept-activations.ts'

const images = textures(0, 1)
const plan = { flip: false, shift: 0, views: 1, randomState: 0, precision: 'float32' } as const
const options = { signal: undefined, onImages: () => {} }
const run = async () => []

it('tells what to do if there is no room for what is kept', async () => {
  const front = { run, signature: () => Promise.reject(new Error('not asked for')) }
  const source = { images, front, kept: [{ name: 'pool', size: 2 ** 52 }], store: undefined }
  const huge = { ...texturePreprocess, size: { width: 2 ** 26, height: 2 ** 26 } } as ResolvedPreprocess
  for (const kept of [keepActivations(source, plan, options), keepImages(images, huge, run, plan, options)])
    await expect(kept).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', argument: 'images' })
})
