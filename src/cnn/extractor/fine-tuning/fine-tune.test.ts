import { describe, expect, it } from 'vitest'
import { digit } from '../../../../test/support/digits.ts'
import { layeredCnnBytes, seeded } from '../../../../test/support/layered-cnn.ts'
import { qdqCnn, qlinearCnn } from '../../../../test/support/model-kinds.ts'
import { textureLabels, texturePreprocess, textures } from '../../../../test/support/textures.ts'
import type { ErrorCode, SoftmarginError } from '../../../core/errors.ts'
import type { RawImage } from '../../../image/image-input.ts'
import { FeatureStore } from '../../../store/feature-store.ts'
import type { FineTuneOptions, FineTuneProgress } from '../../training/fine-tune-options.ts'
import { type ExtractorOptions, FeatureExtractor } from '../extractor.ts'

const images = textures(0, 20)
const labels = textureLabels(20)

const make = (options: ExtractorOptions = {}) =>
  FeatureExtractor.create({ model: layeredCnnBytes(), preprocess: texturePreprocess, ...options })
const quick: FineTuneOptions = { from: 'input', epochs: 3, batchSize: 8, augment: false, validation: 0 }

describe('fineTune', () => {
  it('returns a new extractor with a lower loss and does not change the old one', async () => {
    using extractor = await make()
    const before = await extractor.extract(images)
    const progress: FineTuneProgress[] = []
    using tuned = await extractor.fineTune(images, labels, {
      ...quick,
      epochs: 12,
      onProgress: (p) => void progress.push(p),
    })
    expect(await extractor.extract(images)).toEqual(before)
    expect(extractor.tuning).toBeUndefined()
    expect(await tuned.extract(images)).not.toEqual(before)
    expect(tuned.tuning).toMatchObject({ kept: true, epochs: 12, steps: 96, learningRate: 0.02, restarts: 0 })
    expect(tuned.tuning!.loss).toBeLessThan(0.6 * Math.log(3))
    const steps = progress.filter(({ stage }) => stage === 'training')
    expect(steps).toHaveLength(96)
    expect(steps[0].loss).toBeCloseTo(Math.log(3), 5)
    expect(steps.at(-1)).toMatchObject({ done: 96, total: 96, secondsLeft: 0 })
    expect(steps.at(-1)!.accuracy).toBeGreaterThan(0.8)
    expect(Math.max(...steps.map(({ learningRate }) => learningRate!))).toBeCloseTo(0.02, 3)
  })

  it('gives the same bits for the same seed and others for another', async () => {
    using extractor = await make()
    const run = async (options: FineTuneOptions) => {
      using tuned = await extractor.fineTune(images, labels, {
        ...quick,
        augment: { flip: true },
        ...options,
      })
      return Buffer.from(await tuned.toOnnx()).toString('base64')
    }
    const one = await run({})
    expect(await run({})).toBe(one)
    expect(await run({ randomState: 1 })).not.toBe(one)
    expect(await run({ shuffle: false })).not.toBe(one)
    expect(await run({ optimizer: 'adamw' })).not.toBe(one)
  })

  it('holds out whole groups', async () => {
    using extractor = await make()
    // Two images of each group, next to each other in the order of each class.
    const order = new Map<unknown, number>()
    const groups = labels.map((label) => {
      const place = order.get(label) ?? 0
      order.set(label, place + 1)
      return `${label}/${Math.floor(place / 2)}`
    })
    using tuned = await extractor.fineTune(images, labels, { ...quick, validation: 0.25, groups })
    const held = new Set(tuned.tuning!.validation!.rows.map((row) => groups[row]))
    expect(tuned.tuning!.validation!.rows.length).toBeGreaterThan(0)
    for (const [row, group] of groups.entries()) {
      expect(tuned.tuning!.validation!.rows.includes(row)).toBe(held.has(group))
    }
    await expect(extractor.fineTune(images, labels, { groups: groups.slice(1) })).rejects.toMatchObject({
      code: 'SHAPE_MISMATCH',
      argument: 'groups',
    })
  })

  it('gives nearly the same weights whether a batch runs whole or in slices', async () => {
    const fixed = { input: [4, 3, 8, 12] as (number | string)[] }
    using whole = await make()
    using slices = await make({ model: layeredCnnBytes(fixed) })
    const tuned = await Promise.all(
      [whole, slices].map((extractor) => extractor.fineTune(images, labels, { ...quick, batchSize: 10 })),
    )
    const [a, b] = await Promise.all(tuned.map((one) => one.extract(images)))
    for (const [i, value] of a.data.entries()) expect(value).toBeCloseTo(b.data[i], 4)
    for (const one of tuned) one.dispose()
  })

  it('starts from random weights with reset', async () => {
    using extractor = await make()
    const run = async (options: FineTuneOptions) => {
      using tuned = await extractor.fineTune(images, labels, { ...quick, epochs: 8, ...options })
      return { bytes: Buffer.from(await tuned.toOnnx()).toString('base64'), loss: tuned.tuning!.loss }
    }
    const one = await run({ reset: true })
    expect(one.loss).toBeLessThan(0.95 * Math.log(3))
    expect((await run({ reset: true })).bytes).toBe(one.bytes)
    expect((await run({ reset: true, randomState: 1 })).bytes).not.toBe(one.bytes)
    expect((await run({})).bytes).not.toBe(one.bytes)
  })

  it.each(['input', 'pool'])('keeps what it learns from above %s as float16 on request', async (from) => {
    using extractor = await make()
    const run = async (activations: 'float16' | 'float32') => {
      using tuned = await extractor.fineTune(images, labels, { ...quick, from, activations })
      return await tuned.extract(images)
    }
    const [whole, half] = [await run('float32'), await run('float16')]
    expect(half).not.toEqual(whole)
    for (const [i, value] of whole.data.entries()) expect(Math.abs(half.data[i] - value)).toBeLessThan(0.01)
  })

  it('changes only the weights above the layer', async () => {
    using extractor = await make()
    const below = { layer: 'pool', pooling: 'none' as const }
    using tuned = await extractor.fineTune(images, labels, { ...quick, from: 'pool' })
    expect(tuned.tuning!.from).toBe('pool')
    const [one, other] = await Promise.all(
      [extractor, tuned].map((each) => each.extractLayers(images.slice(0, 3), [below])),
    )
    expect(other).toEqual(one)
    expect(await tuned.extract(images)).not.toEqual(await extractor.extract(images))
  })

  it.each(['average', 'max', 'none', { grid: 2 }] as const)('trains through pooling %o', async (pooling) => {
    using extractor = await make({ layer: 'layer2', pooling })
    using tuned = await extractor.fineTune(images, labels, { ...quick, epochs: 8 })
    expect(tuned.describe()).toEqual(extractor.describe())
    expect(tuned.tuning!.loss).toBeLessThan(0.95 * Math.log(3))
  })

  it('keeps the frozen network if the tuned one is not better, and reports so', async () => {
    using extractor = await make()
    using same = await extractor.fineTune(images, labels, { epochs: 1, learningRate: 1e-9, refit: true })
    expect(same.tuning).toMatchObject({
      kept: false,
      refit: false,
      validation: { images: 12, standardError: 0 },
    })
    expect(same.tuning!.validation!.tuned).toBe(same.tuning!.validation!.frozen)
    expect(await same.extract(images)).toEqual(await extractor.extract(images))
  })

  it.each([
    ['input', { flip: true }],
    ['pool', { flip: true }],
  ] as const)('with refit is trained once more, on all images, above %s', async (from, augment) => {
    using extractor = await make()
    const stages = new Set<string>()
    const options: FineTuneOptions = { from, epochs: 12, batchSize: 8, augment }
    using tuned = await extractor.fineTune(images, labels, {
      ...options,
      refit: true,
      onProgress: ({ stage }) => void stages.add(stage),
    })
    expect(tuned.tuning).toMatchObject({ kept: true, refit: true, steps: 96 })
    // Few images leave it unclear which network is better, so that others are held out from further trainings.
    const { folds, images: count, rows } = tuned.tuning!.validation!
    expect(folds).toBeGreaterThan(1)
    expect([count, rows.length]).toEqual([12 * folds, 12])
    expect([...stages]).toEqual(['features', 'activations', 'training', 'validation', 'refit'])
    using whole = await extractor.fineTune(images, labels, { ...options, validation: 0 })
    expect(whole.tuning).toMatchObject({ refit: false, steps: 96, loss: tuned.tuning!.loss })
    expect(await tuned.toOnnx()).toEqual(await whole.toOnnx())
    using compared = await tuned.openCompared()
    using alone = await extractor.fineTune(images, labels, { ...options, refit: false })
    expect(await compared!.extract(images)).toEqual(await alone.extract(images))
    expect(await alone.openCompared()).toBeUndefined()
  })

  it.each(['float32', 'float16'] as const)('keeps activations in a store, as %s', async (activations) => {
    using extractor = await make()
    using store = FeatureStore.inMemory()
    const options = { ...quick, from: 'pool', activations, augment: { flip: true } }
    const tune = async (some: FineTuneOptions) => {
      let known: number | undefined
      using tuned = await extractor.fineTune(images, labels, {
        ...options,
        ...some,
        onProgress: (p) => {
          if (p.stage === 'activations') known = p.known
        },
      })
      return { known, model: await tuned.toOnnx() }
    }
    const { model, known } = await tune({})
    expect(known).toBeUndefined()
    expect(await tune({ store })).toEqual({ model, known: 0 })
    expect(store).toMatchObject({ size: 60, maker: { layer: 'pool' } })
    expect(await tune({ store })).toEqual({ model, known: 60 })
    // Another rate needs the same activations, other views do not.
    expect(await tune({ store, learningRate: 0.01 })).toMatchObject({ known: 60 })
    await expect(tune({ store, randomState: 1 })).rejects.toMatchObject({
      code: 'FEATURES_MISMATCH',
      message: expect.stringContaining('"randomState":1'),
    })
    const other = activations === 'float16' ? 'float32' : 'float16'
    await expect(tune({ store, activations: other })).rejects.toMatchObject({
      code: 'FEATURES_MISMATCH',
      message: expect.stringContaining(`they are kept as ${activations}, but ${other} is asked for`),
    })
    // The file holds the same numbers.
    const file = store.toNpz()
    using again = await FeatureStore.fromNpz(file)
    expect(await tune({ store: again })).toEqual({ model, known: 60 })
    expect(again.toNpz()).toEqual(file)
    const { rows, cols } = store.features
    const bytes = (activations === 'float16' ? 2 : 4) * rows * cols
    // The rest are keys and names.
    expect(file.length - bytes).toBeGreaterThan(0)
    expect(file.length - bytes).toBeLessThan(20_000)
    // Without views the activations are those of any seed.
    using plain = FeatureStore.inMemory()
    for (const [randomState, known] of [0, 60].entries())
      expect(await tune({ store: plain, augment: false, randomState })).toMatchObject({ known })
    using unused = FeatureStore.inMemory()
    await tune({ store: unused, from: 'input' })
    expect(unused.size).toBe(0)
  })

  it.each([
    ['a layer after pooling, all layers tuned', {}, 'input'],
    ['a map, its upper layer tuned', { layer: '/layer2/1_output' }, 'pool'],
    ['mirrored features', { mirror: true }, 'pool'],
  ] as const)('returns the features of both networks on request: %s', async (_, options, from) => {
    using extractor = await make(options)
    const call = { ...quick, from }
    using tuned = await extractor.fineTune(images, labels, call)
    using both = await extractor.fineTune(images, labels, { ...call, joinFrozen: true })
    const { featureSize } = extractor
    expect(both.featureSize).toBe(2 * featureSize)
    const [before, after, joined] = [
      await extractor.extract(images),
      await tuned.extract(images),
      await both.extract(images),
    ]
    for (const i of images.keys()) {
      expect(joined.row(i).slice(0, featureSize)).toEqual(after.row(i))
      expect(joined.row(i).slice(featureSize)).toEqual(before.row(i))
    }
    using loaded = await FeatureExtractor.create({ model: await both.toOnnx() })
    expect(await loaded.extract(images)).toEqual(joined)
    const convolutions = (one: FeatureExtractor) =>
      one.layers().filter(({ operator }) => operator === 'Conv').length
    expect(convolutions(both)).toBe((from === 'input' ? 2 : 1.5) * convolutions(extractor))
    using compared = await extractor.fineTune(images, labels, {
      ...{ from, epochs: 12, batchSize: 8, augment: false },
      joinFrozen: true,
    })
    expect(compared.tuning!.validation!.softmax).toBeGreaterThan(0.5)
  })

  it('detects whether images may be mirrored', async () => {
    using extractor = await FeatureExtractor.create()
    const arrow = (i: number, isLeft: boolean): RawImage => {
      const noise = seeded(32 * 32, i)
      const data = Uint8Array.from(noise, (random, at) => {
        const x = isLeft ? at % 32 : 31 - (at % 32)
        return 90 + 40 * random + 4 * x
      })
      return { data, width: 32, height: 32, channels: 1 }
    }
    const arrows = Array.from({ length: 40 }, (_, i) => arrow(i, i % 2 === 0))
    const sides = arrows.map((_, i) => i % 2)
    const options = { from: 'stage3', epochs: 1, validation: 0 }
    using directed = await extractor.fineTune(arrows, sides, options)
    expect(directed.tuning!.flip).toBe(false)
    using plain = await extractor.fineTune(images, labels, options)
    expect(plain.tuning!.flip).toBe(true)
  })

  it('mixes photos by default if the whole network learns, and then shows them more often', async () => {
    using extractor = await make()
    const run = async (options: FineTuneOptions) => {
      using tuned = await extractor.fineTune(images, labels, { ...quick, epochs: undefined, ...options })
      return { epochs: tuned.tuning!.epochs, bytes: Buffer.from(await tuned.toOnnx()).toString('base64') }
    }
    const mixed = await run({ augment: { flip: true } })
    expect(mixed.epochs).toBe(30)
    expect(await run({ augment: { flip: true, cutMix: 0.5 } })).toEqual(mixed)
    expect((await run({ augment: { flip: true, cutMix: 0.5 }, randomState: 1 })).bytes).not.toBe(mixed.bytes)
    for (const augment of [false, { flip: true, cutMix: 0 }, { flip: false }] as const)
      expect((await run({ augment })).epochs).toBe(15)
    expect((await run({ augment: { flip: true }, reset: true })).epochs).toBe(15)
    expect((await run({ augment: { flip: true }, from: 'pool' })).epochs).toBe(15)
    const plain = await run({ augment: { flip: true, cutMix: 0 }, epochs: 30 })
    expect(plain.bytes).not.toBe(mixed.bytes)
    const few = await run({ augment: { flip: true }, epochs: 4 })
    expect(await run({ augment: { flip: true, cutMix: 0 }, epochs: 4 })).toEqual(few)
    expect((await run({ augment: { flip: true, cutMix: 1 }, epochs: 4 })).bytes).not.toBe(few.bytes)
  })

  it('stops at its time limit', async () => {
    using extractor = await make()
    const began = performance.now()
    using tuned = await extractor.fineTune(images, labels, { ...quick, epochs: undefined, seconds: 1 })
    expect((performance.now() - began) / 1000).toBeGreaterThan(0.9)
    expect(tuned.tuning!.steps).toBeGreaterThan(1)
  })

  it('halves the learning rate when the loss diverges and continues from the best weights', async () => {
    using extractor = await make()
    const progress: FineTuneProgress[] = []
    using tuned = await extractor.fineTune(images, labels, {
      ...{ ...quick, learningRate: 3, epochs: 15 },
      onProgress: (p) => void progress.push(p),
    })
    expect(tuned.tuning!.restarts).toBeGreaterThan(0)
    const trained = progress.filter(({ stage }) => stage === 'training')
    expect(trained.length).toBe(tuned.tuning!.steps)
    for (const { loss = 0, accuracy } of trained) {
      expect(Number.isFinite(loss)).toBe(true)
      expect(accuracy).toBeGreaterThanOrEqual(0)
    }
    expect(tuned.tuning!.learningRate).toBe(3 / 2 ** tuned.tuning!.restarts)
    expect((await tuned.extract(images)).data.every(Number.isFinite)).toBe(true)
  })

  it('trains the float16 weights of the embedded CNN', async () => {
    using extractor = await FeatureExtractor.create()
    const some = [1, 7].flatMap((kind) => Array.from({ length: 8 }, (_, i) => digit(kind, i)))
    const sevens = some.map((_, i) => (i < 8 ? 1 : 7))
    using tuned = await extractor.fineTune(some, sevens, {
      from: 'stage3',
      epochs: 2,
      validation: 0,
      batchSize: 4,
    })
    expect(tuned.runtime.name).toBe('engine')
    expect(await tuned.extract(some)).not.toEqual(await extractor.extract(some))
  })

  describe('rejects', () => {
    it.each<[string, unknown[], unknown[], FineTuneOptions, ErrorCode, RegExp]>([
      ['one class', images, images.map(() => 'a'), {}, 'ONE_CLASS', /labels/],
      ['a different number of labels', images, labels.slice(1), {}, 'SHAPE_MISMATCH', /labels/],
      ['no images', [], [], {}, 'EMPTY_INPUT', /labels|images/],
      [
        'a misspelt option',
        images,
        labels,
        { epoch: 3 } as never,
        'INVALID_ARGUMENT',
        /did you mean 'epochs'/,
      ],
      [
        'a rate of 0',
        images,
        labels,
        { learningRate: 0 },
        'INVALID_ARGUMENT',
        /learningRate must be a number above 0/,
      ],
      [
        'an unknown precision',
        images,
        labels,
        { ...quick, activations: 'float64' as never },
        'INVALID_ARGUMENT',
        /'float32' or 'float16'/,
      ],
      [
        'a store that is none',
        images,
        labels,
        { ...quick, store: {} as never },
        'INVALID_ARGUMENT',
        /store must be a FeatureStore/,
      ],
      [
        'a refit that is neither true nor false',
        images,
        labels,
        { ...quick, refit: 1 as never },
        'INVALID_ARGUMENT',
        /refit must be true or false/,
      ],
      [
        'an unknown optimizer',
        images,
        labels,
        { optimizer: 'lion' as never },
        'INVALID_ARGUMENT',
        /'sgd' or 'adamw'/,
      ],
      [
        'epochs and seconds',
        images,
        labels,
        { epochs: 1, seconds: 1 },
        'INVALID_ARGUMENT',
        /seconds must be left out/,
      ],
      ['an unknown layer', images, labels, { from: 'layer9' }, 'LAYER_NOT_FOUND', /from 'layer9'/],
      [
        'a layer without trainable weights above it',
        images,
        labels,
        { from: 'layer2' },
        'INVALID_ARGUMENT',
        /nothing can be learnt/,
      ],
      [
        'CutMix of activations',
        images,
        labels,
        { from: 'pool', augment: { cutMix: 0.5 } },
        'INVALID_ARGUMENT',
        /augment.cutMix must be 0 or left out unless from is 'input', but it is 0.5 and the network is trained above 'pool'/,
      ],
      [
        'a share of CutMix above 1',
        images,
        labels,
        { augment: { cutMix: 2 } },
        'INVALID_ARGUMENT',
        /augment.cutMix must be a number from 0 to 1/,
      ],
      [
        'a start that is not below the layer',
        images,
        labels,
        { from: 'features' },
        'INVALID_ARGUMENT',
        /from must be a layer that/,
      ],
      [
        'a rate at which any loss diverges',
        images,
        labels,
        { ...quick, epochs: 30, learningRate: 1e30 },
        'INVALID_ARGUMENT',
        /diverged at learningRate 1e\+30 and at each of 8 halvings, down to 3.90625e\+27: pass a smaller learningRate/,
      ],
      ['a class of one image', images.slice(0, 4), ['a', 'a', 'a', 'b'], {}, 'TOO_FEW_ROWS', /validation: 0/],
      [
        'more than half for validation',
        images,
        labels,
        { validation: 0.9 },
        'INVALID_ARGUMENT',
        /validation/,
      ],
    ])('%s', async (_, some, theirs, options, code, message) => {
      using extractor = await make()
      const error = await extractor.fineTune(some as RawImage[], theirs as string[], options).then(
        () => undefined,
        (thrown: SoftmarginError) => thrown,
      )
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
      expect(await extractor.extract(images.slice(0, 1))).toMatchObject({ rows: 1 })
    })

    it.each([
      ['weights of int8 with DequantizeLinear', qdqCnn(), undefined],
      ['weights of int8 above a layer', qdqCnn(), 'pool'],
      ['operators of int8', qlinearCnn(), 'input'],
    ] as const)('%s, before any image is read', async (_, model, from) => {
      using extractor = await FeatureExtractor.fromModel(model, { preprocess: texturePreprocess })
      const seen: string[] = []
      await expect(
        extractor.fineTune(images, labels, { from, onProgress: ({ stage }) => void seen.push(stage) }),
      ).rejects.toMatchObject({
        code: expect.stringMatching(/MODEL_UNSUPPORTED|INVALID_ARGUMENT/),
        message: expect.stringMatching(/Linear|nothing can be learnt/),
      })
      expect(seen).toEqual([])
    })

    it.each([
      ['those of the refit too', true, 6000, 4500, 'set from to'],
      // As float16 they would fit.
      ['of the first training alone', false, 4800, 3600, "set activations to 'float16', or set from to"],
    ])(
      'more images than fit, before any is read, and says how many would: %s',
      async (_, refit, kept, mebibytes, other) => {
        using extractor = await FeatureExtractor.create({ preprocess: { size: 256 } })
        const many = Array<RawImage>(6000).fill(images[0])
        const kinds = many.map((_, i) => i % 2)
        const seen: string[] = []
        const call = extractor.fineTune(many, kinds, {
          from: 'input',
          refit,
          onProgress: ({ stage }) => void seen.push(stage),
        })
        // Images of 3 x 256 x 256 numbers.
        const fits = Math.floor(2 ** 31 / (3 * 256 * 256 * 4))
        await expect(call).rejects.toMatchObject({
          code: 'OUT_OF_MEMORY',
          message: expect.stringMatching(
            new RegExp(
              `keeps ${mebibytes} MiB of activations for ${kept} images, but at most 2048 MiB are allowed: pass at most ${fits} images, or ${other}`,
            ),
          ),
        })
        expect(seen).toEqual([])
      },
    )

    it('accepts fewer images than a batch', async () => {
      using extractor = await make()
      using tuned = await extractor.fineTune(images.slice(0, 6), labels.slice(0, 6), {
        ...quick,
        batchSize: 500,
      })
      expect(tuned.tuning).toMatchObject({ steps: 3, epochs: 3 })
    })
  })

  it('can be aborted at the first and last step of each stage, and the old extractor stays as it was', async () => {
    // With more threads the number of reports may differ from call to call.
    using extractor = await make({ threads: 1 })
    const before = await extractor.extract(images)
    const call = { ...quick, from: 'pool', epochs: 12, validation: 0.2 }
    const stages: FineTuneProgress['stage'][] = []
    const tuned = await extractor.fineTune(images, labels, {
      ...call,
      onProgress: ({ stage }) => void stages.push(stage),
    })
    tuned.dispose()
    expect([...new Set(stages)]).toEqual(['features', 'activations', 'training', 'validation', 'refit'])
    const few = stages.flatMap((stage, i) => {
      const isEdge = stage !== stages[i - 1] || stage !== stages[i + 1]
      return isEdge ? [i] : []
    })
    expect(few.length).toBeGreaterThanOrEqual(7)
    for (const step of few) {
      const controller = new AbortController()
      let told = 0
      const aborted = extractor.fineTune(images, labels, {
        ...call,
        signal: controller.signal,
        onProgress: () => void (told++ === step && controller.abort()),
      })
      await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
      expect(told).toBe(step + 1)
    }
    expect(await extractor.extract(images)).toEqual(before)
  })

  it('skips unreadable images on request', async () => {
    using extractor = await make()
    const broken: number[] = []
    const some = [...images]
    some[4] = new Uint8Array([1, 2, 3]) as never
    await expect(extractor.fineTune(some, labels, quick)).rejects.toMatchObject({ argument: 'images[4]' })
    using tuned = await extractor.fineTune(some, labels, {
      ...quick,
      onUnreadable: (i) => void broken.push(i),
    })
    expect(broken).toEqual([4])
    expect(tuned.tuning!.kept).toBe(true)
  })
})

describe('toOnnx', () => {
  it('writes a network with the same features, bit for bit', async () => {
    using extractor = await make({ layer: 'layer2', pooling: { grid: 2 } })
    using tuned = await extractor.fineTune(images, labels, quick)
    using loaded = await FeatureExtractor.create({ model: await tuned.toOnnx() })
    expect({ ...loaded.describe(), model: '' }).toEqual({ ...tuned.describe(), model: '' })
    expect(await loaded.extract(images)).toEqual(await tuned.extract(images))
  })

  it('writes untuned networks and mirrored features too', async () => {
    using extractor = await make({ mirror: true })
    using loaded = await FeatureExtractor.create({ model: await extractor.toOnnx() })
    expect(await loaded.extract(images)).toEqual(await extractor.extract(images))
  })
})
