import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { env, InferenceSession, Tensor } from 'onnxruntime-web'
import { afterAll, describe, expect, it } from 'vitest'
import { calibratedProba } from '../../src/classifier/review/calibrate-svc.ts'
import {
  FeatureExtractor,
  ImageClassifier,
  type Label,
  type Matrix,
  type RawImage,
  type SvcOptions,
} from '../../src/index.ts'
import { readClassifier } from '../../src/onnx/classifier/read-classifier.ts'
import { readModel } from '../../src/onnx/graph/read-model.ts'
import { ModelProtoSchema } from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import { featureScalerFromFile } from '../../src/preprocessing/feature-scaler.ts'
import { digit } from '../support/digits.ts'
import { nativeOrt } from '../support/native-ort.ts'
import { pixelValues } from '../support/pixel-values.ts'
import { hasPythonModule } from '../support/programs.ts'
import { smallCnn } from '../support/small-cnn.ts'

env.wasm.numThreads = 1

const native = nativeOrt()
const runtimes = [{ InferenceSession, Tensor }, ...(native ? [native] : [])]
const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
afterAll(() => rmSync(folder, { recursive: true }))
/** Files that ONNX's checker validates at the end. */
const written: string[] = []
const batchSize = 100

/** Images as users of the file would prepare them, and the features that our extractor computes for them. */
interface TestImages {
  images: RawImage[]
  /** Preprocessed, in batches. */
  batches: { data: Float32Array; dims: number[] }[]
  features: Matrix
}

async function prepare(extractor: FeatureExtractor, images: RawImage[]): Promise<TestImages> {
  const { preprocess } = extractor.describe()
  const batches: TestImages['batches'] = []
  for (let from = 0; from < images.length; from += batchSize) {
    batches.push(await pixelValues(images.slice(from, from + batchSize), preprocess))
  }
  return { images, batches, features: await extractor.extract(images) }
}

/** Checks that ONNX Runtime, with only the file, returns the same as the classifier. */
async function expectSameResults(classifier: ImageClassifier, testImages: TestImages): Promise<void> {
  const bytes = await classifier.save()
  written.push(join(folder, `${written.length}.onnx`))
  writeFileSync(written.at(-1)!, bytes)
  const { scaler, calibration } = readClassifier(readModel(bytes))
  const X = await featureScalerFromFile(scaler).transform(testImages.features)
  const ours = await classifier.svm.predict(X)
  const wanted = calibration
    ? (await calibratedProba({ svc: classifier.svm, ...calibration }, X, ours)).data
    : await scoresOf(classifier, X)
  // Only some images run through the classifier itself, since their features are the same.
  expect(await classifier.predict(testImages.images.slice(0, batchSize))).toEqual(ours.slice(0, batchSize))
  const decided = classifier.hasProbabilities ? 'probabilities' : 'scores'
  for (const ort of runtimes) {
    const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 })
    expect(session.inputNames).toEqual(['pixel_values'])
    expect(session.outputNames).toEqual(['label', decided, 'features'])
    const labels: Label[] = []
    const scores: number[] = []
    const features: number[] = []
    for (const { data, dims } of testImages.batches) {
      const answer = await session.run({ pixel_values: new ort.Tensor('float32', data, dims) })
      for (const label of answer.label.data)
        labels.push(typeof label === 'bigint' ? Number(label) : String(label))
      for (const score of answer[decided].data as Float32Array) scores.push(score)
      for (const feature of answer.features.data as Float32Array) features.push(feature)
    }
    await session.release()
    expect(largestDifference(features, testImages.features.data)).toBeLessThan(1e-4)
    expect(labels).toEqual(ours)
    // A float32 sum of kernel values has an error in proportion to its size, which grows with C.
    const size = Array.from(wanted).reduce((most, score) => Math.max(most, Math.abs(score)), 1)
    expect(largestDifference(scores, wanted)).toBeLessThan(1e-4 * size)
    if (calibration) expect(mostProbable(scores, classifier.classes)).toEqual(labels)
  }
}

/** The expected second output of the file. */
async function scoresOf({ svm, classes, hasProbabilities }: ImageClassifier, X: Matrix) {
  if (hasProbabilities) return (await svm.predictProba(X)).data
  const { data } = await svm.decisionFunction(X, { shape: 'ovo' })
  // For two classes our decision values have one column, above 0 for the second class.
  return classes.length === 2 ? Array.from(data).flatMap((d) => [-d, d]) : data
}

/** The most probable class of each row; undefined on a tie. */
function mostProbable(probabilities: number[], classes: Label[]): (Label | undefined)[] {
  return Array.from({ length: probabilities.length / classes.length }, (_, i) => {
    const row = probabilities.slice(i * classes.length, (i + 1) * classes.length)
    const most = Math.max(...row)
    return row.filter((p) => p === most).length === 1 ? classes[row.indexOf(most)] : undefined
  })
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  let most = 0
  // Above 1, the relative difference, because of the precision of float32.
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

describe('the saved file in ONNX Runtime: same labels for 2,000 images, scores within 1e-4 of their size', () => {
  let testImages: Promise<TestImages> | undefined
  const prepareSmall = async () => {
    using extractor = await FeatureExtractor.create(small)
    return await prepare(extractor, pictures(ten, 100, 2000))
  }
  const scales = ['standard', 'l2', 'none'] as const
  let turn = 0
  for (const kinds of [[4, 9], ten]) {
    for (const kernel of ['rbf', 'linear', 'poly', 'sigmoid'] as const) {
      for (const probability of [false, true, 'libsvm'] as const) {
        // The scaler stands before the kernel in the file, so that one kernel meets all scalers.
        for (const scale of kernel === 'rbf' && probability !== 'libsvm' ? scales : (['standard'] as const)) {
          // Alternates, so that each of the other options meets both kinds of labels.
          const asText = (turn++ % 2 === 0) === (kinds === ten)
          const svm: SvcOptions = { kernel, ...(kernel === 'sigmoid' ? { gamma: 0.005 } : {}) }
          const name = [
            `${kinds.length} classes (${asText ? 'text' : 'integers'})`,
            ...[kernel, `scale ${scale}`, probability ? `probabilities (${probability})` : 'scores'],
          ]
          it(name.join(', '), async () => {
            testImages ??= prepareSmall()
            using classifier = await ImageClassifier.create({ extractor: small, scale, svm, probability })
            const known = pictures(kinds, 0, 200)
            const labels = known.map((_, i) => kinds[i % kinds.length])
            await classifier.fit(known, asText ? labels.map((label) => `digit ${label}`) : labels)
            await expectSameResults(classifier, await testImages)
            const bytes = await classifier.save()
            using loaded = await ImageClassifier.load(bytes)
            expect(loaded.svm.toState()).toEqual(classifier.svm.toState())
            expect(await loaded.save()).toEqual(bytes)
          })
        }
      }
    }
  }

  for (const [name, extractor] of [
    ['the CNN that ships, last layer', {}],
    ['the CNN that ships, stage3 on a grid', { layer: 'stage3', pooling: { grid: 3 } }],
    ['the CNN that ships, stage4, greatest', { layer: 'stage4', pooling: 'max' }],
    ['the CNN that ships, stage4, flattened', { layer: 'stage4', pooling: 'none' }],
    ['the CNN that ships, with mirror images', { mirror: true }],
    ['the CNN that ships, with mirror images and shifted ones', { mirror: true, shift: 1 / 16 }],
    [
      'the CNN that ships, stage3 on a grid, with mirror images',
      { layer: 'stage3', pooling: { grid: 2 }, mirror: true },
    ],
  ] as const) {
    it(name, async () => {
      using classifier = await ImageClassifier.create({ extractor })
      const known = pictures([0, 1, 2], 0, 60)
      await classifier.fit(
        known,
        known.map((_, i) => i % 3),
      )
      await expectSameResults(classifier, await prepare(classifier.extractor, pictures([0, 1, 2], 50, 90)))
    })
  }

  it.runIf(hasPythonModule('onnx'))(
    "all of them pass ONNX's own checker, in full",
    () => {
      expect(written).toHaveLength(39)
      const check =
        'import onnx, sys\nfor path in sys.argv[1:]: onnx.checker.check_model(path, full_check=True)'
      execFileSync('/usr/bin/python3', ['-c', check, ...written], { stdio: 'pipe' })
    },
    60_000,
  )
})
