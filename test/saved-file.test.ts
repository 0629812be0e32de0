import { toBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema } from 'onnx-buf'
import { env, InferenceSession, Tensor } from 'onnxruntime-web'
import { describe, expect, it } from 'vitest'
import { featureScalerFromFile } from '../src/classifier/feature-scaler.ts'
import { decodeImage } from '../src/image/decode.ts'
import { tensorLength, writeTensor } from '../src/image/tensor.ts'
import { type ClassifierOptions, ImageClassifier, type Label, type RawImage } from '../src/index.ts'
import { readModel } from '../src/onnx/read.ts'
import { readClassifier } from '../src/onnx/read-classifier.ts'
import { digit } from './support/digits.ts'
import { smallCnn } from './support/small-cnn.ts'

env.wasm.numThreads = 1

const batchSize = 100

/** Images as the file's users feed them: preprocessed, in batches. */
async function* batches(classifier: ImageClassifier, images: RawImage[]) {
  const { preprocess } = classifier.extractor.describe()
  const length = tensorLength(preprocess)
  const side = Math.sqrt(length / 3)
  for (let from = 0; from < images.length; from += batchSize) {
    const batch = images.slice(from, from + batchSize)
    const data = new Float32Array(batch.length * length)
    for (const [i, image] of batch.entries()) {
      await writeTensor(await decodeImage(image), preprocess, data.subarray(i * length, (i + 1) * length))
    }
    yield new Tensor('float32', data, [batch.length, 3, side, side])
  }
}

/** Checks that ONNX Runtime, given nothing but the file, answers what the classifier answers. */
async function expectSameAnswers(classifier: ImageClassifier, images: RawImage[]): Promise<void> {
  const bytes = await classifier.save()
  const session = await InferenceSession.create(bytes)
  expect(session.inputNames).toEqual(['pixel_values'])
  const decided = classifier.hasProbabilities ? 'probabilities' : 'scores'
  expect(session.outputNames).toEqual(['label', decided, 'features'])
  const labels: Label[] = []
  const scores: number[] = []
  const features: number[] = []
  for await (const batch of batches(classifier, images)) {
    const answer = await session.run({ pixel_values: batch })
    for (const label of answer.label.data)
      labels.push(typeof label === 'bigint' ? Number(label) : String(label))
    for (const score of answer[decided].data as Float32Array) scores.push(score)
    for (const feature of answer.features.data as Float32Array) features.push(feature)
  }
  await session.release()

  const own = await classifier.extractor.extract(images)
  expect(largestDifference(features, own.data)).toBeLessThan(1e-4)
  expect(labels).toEqual(await classifier.predict(images))
  if (classifier.hasProbabilities) {
    const { data } = await classifier.predictProba(images)
    expect(largestDifference(scores, data)).toBeLessThan(1e-4)
    return
  }
  const X = await featureScalerFromFile(readClassifier(readModel(bytes)).scaler).transform(own)
  const decisions = await classifier.svm.decisionFunction(X, { shape: 'ovo' })
  // For two classes ours is one column, above 0 for the second.
  const wanted =
    classifier.classes.length === 2 ? Array.from(decisions.data).flatMap((d) => [-d, d]) : decisions.data
  expect(largestDifference(scores, wanted)).toBeLessThan(1e-4)
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  let most = 0
  // Beyond 1, the difference as a share: float32 holds no more.
  for (let i = 0; i < a.length; i++)
    most = Math.max(most, Math.abs(a[i] - b[i]) / Math.max(1, Math.abs(b[i])))
  return most
}

const ten = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
const pictures = (kinds: number[], from: number, count: number) =>
  Array.from({ length: count }, (_, i) => digit(kinds[i % kinds.length], from + Math.floor(i / kinds.length)))
const small = {
  model: toBinary(ModelProtoSchema, smallCnn()),
  pooling: { grid: 3 },
  preprocess: { size: 12 },
}

describe('the saved file in ONNX Runtime: 2,000 images, the same labels, scores within 1e-4', () => {
  for (const kinds of [[4, 9], ten]) {
    for (const kernel of ['rbf', 'linear', 'poly', 'sigmoid'] as const) {
      for (const scale of ['standard', 'l2', 'none'] as const) {
        const asText = kernel === 'rbf' || scale === 'l2'
        it(`${kinds.length} classes (${asText ? 'text' : 'integers'}), ${kernel}, scale ${scale}`, async () => {
          const svm: ClassifierOptions['svm'] = kernel === 'sigmoid' ? { kernel, gamma: 0.005 } : { kernel }
          using classifier = await ImageClassifier.create({ extractor: small, scale, svm })
          const known = pictures(kinds, 0, 200)
          const labels = known.map((_, i) => kinds[i % kinds.length])
          await classifier.fit(known, asText ? labels.map((label) => `digit ${label}`) : labels)
          await expectSameAnswers(classifier, pictures(ten, 100, 2000))
        })
      }
    }
  }

  for (const kinds of [[4, 9], ten]) {
    it(`${kinds.length} classes with probabilities, and the same bits once loaded`, async () => {
      using classifier = await ImageClassifier.create({ extractor: small, svm: { probability: true } })
      const known = pictures(kinds, 0, 200)
      await classifier.fit(
        known,
        known.map((_, i) => kinds[i % kinds.length]),
      )
      const images = pictures(ten, 100, 2000)
      await expectSameAnswers(classifier, images)
      const bytes = await classifier.save()
      using loaded = await ImageClassifier.load(bytes)
      expect(await loaded.predictProba(images.slice(0, 50))).toEqual(
        await classifier.predictProba(images.slice(0, 50)),
      )
      expect(await loaded.save()).toEqual(bytes)
    })
  }

  for (const [name, extractor] of [
    ['the CNN that ships, last layer', {}],
    ['the CNN that ships, stage3 on a grid', { layer: 'stage3', pooling: { grid: 3 } }],
    ['the CNN that ships, stage4, greatest', { layer: 'stage4', pooling: 'max' }],
    ['the CNN that ships, stage4, flattened', { layer: 'stage4', pooling: 'none' }],
  ] as const) {
    it(name, async () => {
      using classifier = await ImageClassifier.create({ extractor })
      const known = pictures([0, 1, 2], 0, 60)
      await classifier.fit(
        known,
        known.map((_, i) => i % 3),
      )
      await expectSameAnswers(classifier, pictures([0, 1, 2], 50, 90))
    })
  }
})
