import { describe, expect, it } from 'vitest'
import { digit } from '../../test/support/digits.ts'
import { smallCnn } from '../../test/support/small-cnn.ts'
import { ImageClassifier } from '../classifier/image-classifier.ts'
import { ENGINE_VERSION } from '../cnn/engine/engine-version.ts'
import { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import type { ExtractorOptions } from '../cnn/extractor/extractor-options.ts'
import { create } from '../onnx/proto/message.ts'
import { ModelProtoSchema, StringStringEntryProtoSchema } from '../onnx/proto/onnx.ts'
import { toBinary } from '../onnx/proto/write-message.ts'
import { signatureOf } from './feature-signature.ts'

const images = [0, 0, 1, 1].map((kind, i) => digit(kind, i))
const bytes = (model: ReturnType<typeof smallCnn>) => toBinary(ModelProtoSchema, model)

/** A network whose file has a lot of metadata, and whose tensor names are those of a saved classifier. */
function cnnWithMetadata() {
  const model = smallCnn({ input: 'pixel_values', output: 'label' })
  model.producerName = 'someone'
  model.docString = 'a network'
  model.metadataProps = [
    create(StringStringEntryProtoSchema, { key: 'author', value: 'someone' }),
    create(StringStringEntryProtoSchema, { key: 'softmargin', value: '{"preprocess":{"size":12}}' }),
  ]
  model.opsetImport.unshift({ $typeName: 'onnx.OperatorSetIdProto', domain: 'ai.onnx.ml', version: 3n })
  const graph = model.graph!
  graph.docString = 'a graph'
  for (const node of graph.node) {
    node.name = `softmargin/${node.name}`
    node.docString = 'a node'
  }
  for (const tensor of graph.initializer) tensor.docString = 'weights'
  return model
}

const small = { model: bytes(smallCnn()), preprocess: { size: 12 } }
const networks: [string, ExtractorOptions][] = [
  ['the CNN that ships', {}],
  ['an inner layer of it, on a grid', { layer: 'stage3', pooling: { grid: 2 } }],
  [
    'another layer of it, pooled by the maximum, with mirror images',
    { layer: 'stage2', pooling: 'max', mirror: true },
  ],
  ['the same with shifted images', { layer: 'stage2', shift: 1 / 16 }],
  ['one with other preprocessing', { preprocess: { size: 32, mean: [0.1, 0.2, 0.3], std: [0.7, 0.8, 0.9] } }],
  ['a network without metadata', small],
  ['an inner layer of it', { ...small, layer: 'convolved' }],
  ['a network with metadata in its file', { model: bytes(cnnWithMetadata()) }],
]

describe('the signature of an extractor', () => {
  it.each(networks)('is the same after save and load: %s', async (_, extractor) => {
    using classifier = await ImageClassifier.create({ extractor })
    await classifier.fit(images, [0, 0, 1, 1])
    using loaded = await ImageClassifier.load(await classifier.save())
    const signature = await signatureOf(classifier.extractor)
    expect(signature.mirror ?? false).toBe(extractor.mirror ?? false)
    expect(signature.shift).toEqual(extractor.shift ? { down: 2, right: 2 } : undefined)
    expect(await signatureOf(loaded.extractor)).toEqual(signature)
  })

  it('differs for another runtime, whose features differ in their low bits', async () => {
    using one = await FeatureExtractor.create({ runtime: 'onnxruntime' })
    using other = await FeatureExtractor.create({ runtime: 'engine' })
    expect((await signatureOf(other)).fingerprint).not.toBe((await signatureOf(one)).fingerprint)
    expect((await signatureOf(other)).runtime).toBe(`engine ${ENGINE_VERSION}`)
    expect((await signatureOf(one)).runtime).toBeUndefined()
  })

  it('does not depend on metadata of the model file', async () => {
    const named = smallCnn({ input: 'pixel_values', output: 'label' })
    using plain = await FeatureExtractor.create({ model: bytes(named), preprocess: { size: 12 } })
    using other = await FeatureExtractor.create({ model: bytes(cnnWithMetadata()) })
    expect((await signatureOf(other)).fingerprint).toBe((await signatureOf(plain)).fingerprint)
  })

  it('differs for another network, layer, pooling or preprocessing', async () => {
    const weights = smallCnn()
    weights.graph!.initializer[0].rawData = weights.graph!.initializer[0].rawData.slice().reverse()
    weights.graph!.initializer[0].floatData = weights.graph!.initializer[0].floatData.toReversed()
    const operator = smallCnn()
    operator.graph!.node[1].opType = 'Sigmoid'
    const attribute = smallCnn()
    attribute.graph!.node[0].attribute.find(({ name }) => name === 'pads')!.ints = [1n, 1n, 2n, 2n]
    const version = smallCnn({ opset: 16 })
    const fingerprints = new Map<string, ExtractorOptions>()
    const all: ExtractorOptions[] = [
      ...networks.slice(0, 6).map(([, each]) => each),
      ...[weights, operator, attribute, version].map((model) => ({
        ...{ ...small, layer: 'map' },
        model: bytes(model),
      })),
      { ...small, pooling: { grid: 3 } },
      { ...small, preprocess: { size: 13 } },
    ]
    for (const options of all) {
      using extractor = await FeatureExtractor.create(options)
      const { fingerprint } = await signatureOf(extractor)
      expect(fingerprints.get(fingerprint)).toBeUndefined()
      fingerprints.set(fingerprint, options)
    }
  })
})
