import { describe, expect, it } from 'vitest'
import { layeredCnnBytes } from '../../../../test/support/layered-cnn.ts'
import { textureLabels, texturePreprocess, textures } from '../../../../test/support/textures.ts'
import type { ImageInput } from '../../../image/image-input.ts'
import type { FineTuneOptions, FineTuneProgress } from '../../training/fine-tune-options.ts'
import { FeatureExtractor } from '../extractor.ts'

const images: ImageInput[] = textures(0, 20)
const labels = textureLabels(20)

const make = () => FeatureExtractor.create({ model: layeredCnnBytes(), preprocess: texturePreprocess })
const quick: FineTuneOptions = { from: 'input', epochs: 3, batchSize: 8, augment: false, validation: 0 }

describe('a fine-tuning', () => {
  it.each([0, 0.2])('fails if a single class can be read, with validation %s', async (validation) => {
    using extractor = await make()
    const some = images.map((image, i) => (labels[i] === 'dots' ? image : new Uint8Array([1, 2, 3])))
    await expect(
      extractor.fineTune(some, labels, { ...quick, validation, onUnreadable: () => {} }),
    ).rejects.toMatchObject({ code: 'ONE_CLASS', argument: 'labels' })
  })

  it.each(['features', 'activations', 'training', 'validation', 'refit'] as const)(
    'ends when its extractor is disposed of, in the stage of %s',
    async (stage) => {
      using extractor = await make()
      const seen: FineTuneProgress['stage'][] = []
      const tuning = extractor.fineTune(images, labels, {
        ...{ ...quick, from: 'pool', epochs: 12, validation: 0.2 },
        onProgress: (progress) => {
          seen.push(progress.stage)
          if (progress.stage === stage) extractor.dispose()
        },
      })
      await expect(tuning).rejects.toMatchObject({ code: 'DISPOSED' })
      expect(seen.filter((one) => one === stage)).toHaveLength(1)
      expect(seen.at(-1)).toBe(stage)
    },
  )

  it('keeps the network that was compared if no time is left to train it again', async () => {
    using extractor = await make()
    const seconds = 2
    const began = performance.now()
    const times = { ...quick, epochs: undefined, seconds, validation: 0.3 }
    using tuned = await extractor.fineTune(images, labels, {
      ...times,
      onProgress: ({ stage, done, total }) => {
        if (stage !== 'training' || done < total) return
        // As if the comparison took long.
        while (performance.now() < began + 1000 * seconds);
      },
    })
    expect(tuned.tuning).toMatchObject({ kept: true, refit: false })
    expect(tuned.tuning!.steps).toBeGreaterThan(10)
    expect(await tuned.extract(images)).not.toEqual(await extractor.extract(images))
  })

  it('of a network with a branch for the mirror image learns from both', async () => {
    using mirrored = await FeatureExtractor.create({
      model: layeredCnnBytes(),
      preprocess: texturePreprocess,
      mirror: true,
    })
    using loaded = await FeatureExtractor.create({ model: await mirrored.toOnnx() })
    using tuned = await loaded.fineTune(images, labels, { ...quick, from: undefined })
    expect(tuned.tuning!.from).toBe('pixels')
    await expect(loaded.fineTune(images, labels, { ...quick, from: 'relu_mirrored' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining("between 'relu_mirrored' and 'features' alone"),
    })
  })

  it('fails if the loss diverges in every step, even if there are few', async () => {
    using extractor = await FeatureExtractor.create({
      model: layeredCnnBytes(),
      preprocess: { ...texturePreprocess, mean: [0, 0, 0], std: [1e-38, 1e-38, 1e-38] },
    })
    await expect(extractor.fineTune(images, labels, { ...quick, epochs: 1, batchSize: 64 })).rejects.toThrow(
      /the loss diverged at learningRate 0.02: pass a smaller learningRate/,
    )
    await expect(extractor.fineTune(images, labels, { ...quick, batchSize: 64 })).rejects.toThrow(
      /the loss diverged at learningRate 0.02 and at each of 2 halvings, down to 0.005: /,
    )
  })
})
