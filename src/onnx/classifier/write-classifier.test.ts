import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { env, InferenceSession, Tensor } from 'onnxruntime-web'
import { describe, expect, it } from 'vitest'
import { channels, height, partsOf, width } from '../../../test/support/classifier-parts.ts'
import { checkedByOnnx } from '../../../test/support/onnx-checker.ts'
import { hasPythonModule } from '../../../test/support/programs.ts'
import { noise } from '../../../test/support/random.ts'
import { smallCnn } from '../../../test/support/small-cnn.ts'
import { Matrix } from '../../core/matrix.ts'
import { type ModelProto, ModelProtoSchema } from '../proto/onnx.ts'
import { toBinary } from '../proto/write-message.ts'
import type { FilePooling } from './graph-steps.ts'
import { type ClassifierParts, writeClassifier } from './write-classifier.ts'

env.wasm.numThreads = 1

const images = 6
const pixels = Float32Array.from({ length: images * 3 * height * width }, (_, i) => noise(i))

/** The outputs of a file for the test images. */
async function run(file: Uint8Array): Promise<{ label: unknown[]; scores: Matrix; features: Matrix }> {
  const session = await InferenceSession.create(file)
  const { label, scores, features } = await session.run({
    pixel_values: new Tensor('float32', pixels, [images, 3, height, width]),
  })
  const matrix = (tensor: Tensor) => new Matrix(tensor.data as Float32Array, tensor.dims[0], tensor.dims[1])
  return {
    label: Array.from(label.data as Iterable<unknown>, (each) =>
      typeof each === 'bigint' ? Number(each) : each,
    ),
    scores: matrix(scores),
    features: matrix(features),
  }
}

/** The activations of the CNN alone, computed by the same runtime. */
async function activations(cnn: ModelProto): Promise<Float32Array> {
  const session = await InferenceSession.create(toBinary(ModelProtoSchema, cnn))
  const answer = await session.run({
    [session.inputNames[0]]: new Tensor('float32', pixels, [images, 3, height, width]),
  })
  return answer[session.outputNames[0]].data as Float32Array
}

/** A straightforward implementation of pooling. */
function pooled(map: Float32Array, pooling: FilePooling): number[][] {
  const at = (n: number, c: number, y: number, x: number) =>
    map[((n * channels + c) * height + y) * width + x]
  const grid = typeof pooling === 'object' ? pooling.grid : 1
  return Array.from({ length: images }, (_, n) => {
    const row: number[] = []
    for (let c = 0; c < channels; c++) {
      if (pooling === 'none') {
        for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) row.push(at(n, c, y, x))
        continue
      }
      for (let i = 0; i < grid; i++) {
        for (let j = 0; j < grid; j++) {
          const cell: number[] = []
          for (let y = Math.floor((i * height) / grid); y < Math.ceil(((i + 1) * height) / grid); y++) {
            for (let x = Math.floor((j * width) / grid); x < Math.ceil(((j + 1) * width) / grid); x++) {
              cell.push(at(n, c, y, x))
            }
          }
          const sum = cell.reduce((a, b) => a + b, 0)
          row.push(pooling === 'max' ? Math.max(...cell) : sum / cell.length)
        }
      }
    }
    return row
  })
}

/** A straightforward implementation of scaler, kernel, votes and scores. */
function classify(row: number[], { scaler, svm }: ClassifierParts): { label: unknown; scores: number[] } {
  const norm = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0))
  const x = row.map((value, i) =>
    scaler.kind === 'standard'
      ? (value - scaler.mean[i]) / scaler.scale[i]
      : scaler.kind === 'l2'
        ? value / norm
        : value,
  )
  const kernelValues = Array.from({ length: svm.supportVectors.rows }, (_, r) => {
    const z = svm.supportVectors.row(r)
    const dot = x.reduce((sum, value, i) => sum + value * z[i], 0)
    const distance = x.reduce((sum, value, i) => sum + (value - z[i]) ** 2, 0)
    if (svm.kernel === 'linear') return dot
    if (svm.kernel === 'rbf') return Math.exp(-svm.gamma * distance)
    const inner = svm.gamma * dot + svm.coef0
    return svm.kernel === 'poly' ? inner ** svm.degree : Math.tanh(inner)
  })
  const count = svm.classes.length
  const starts = svm.nSupport.map((_, i) => svm.nSupport.slice(0, i).reduce((a, b) => a + b, 0))
  const votes = new Array<number>(count).fill(0)
  const decisions: number[] = []
  for (let i = 0, pair = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++, pair++) {
      let decision = svm.intercept[pair]
      for (const [own, other] of [
        [i, j],
        [j, i],
      ]) {
        const line = other > own ? other - 1 : other
        for (let s = starts[own]; s < starts[own] + svm.nSupport[own]; s++) {
          decision += svm.dualCoef[line * svm.supportVectors.rows + s] * kernelValues[s]
        }
      }
      votes[decision > 0 ? i : j]++
      decisions.push(decision)
    }
  }
  return {
    label: svm.classes[votes.indexOf(Math.max(...votes))],
    scores: count === 2 ? [decisions[0], -decisions[0]] : decisions,
  }
}

async function expectRightAnswers(parts: ClassifierParts): Promise<void> {
  const answer = await run(writeClassifier(parts))
  const features = pooled(await activations(parts.cnn), parts.pooling)
  expect(answer.features.cols).toBe(features[0].length)
  expect(answer.scores.cols).toBe(Math.max(2, parts.svm.intercept.length))
  for (let n = 0; n < images; n++) {
    const wanted = classify(features[n], parts)
    answer.features.row(n).forEach((value, i) => {
      expect(value).toBeCloseTo(features[n][i], 5)
    })
    answer.scores.row(n).forEach((value, i) => {
      expect(value).toBeCloseTo(wanted.scores[i], 4)
    })
    expect(answer.label[n]).toBe(wanted.label)
  }
}

describe('writeClassifier: ONNX Runtime returns the same labels and scores', () => {
  for (const pooling of ['average', 'max', 'none', { grid: 2 }, { grid: 3 }] as const) {
    it(`pooling ${JSON.stringify(pooling)}`, () => expectRightAnswers(partsOf({ pooling })))
  }
  for (const kernel of ['linear', 'poly', 'rbf', 'sigmoid'] as const) {
    it(`kernel ${kernel}`, () => expectRightAnswers(partsOf({ kernel })))
  }
  for (const scale of ['standard', 'l2', 'none'] as const) {
    it(`scale ${scale}`, () => expectRightAnswers(partsOf({ scale })))
  }
  for (const classes of [
    ['no', 'yes'],
    [-1, 1],
    [3, 1, 4, 15, 9],
    [0.5, 1.5],
  ]) {
    it(`classes ${classes}`, async () => {
      const parts = partsOf({ classes })
      if (Number.isInteger(classes[0]) || typeof classes[0] === 'string') return expectRightAnswers(parts)
      // Numbers that int64 cannot represent are written as strings.
      expect(classes.map(String)).toEqual(expect.arrayContaining((await run(writeClassifier(parts))).label))
    })
  }
  it('a CNN whose tensor names collide with ours', () =>
    expectRightAnswers(partsOf({ cnn: smallCnn({ input: 'features', output: 'label' }) })))
})

describe('writeClassifier', () => {
  it('does not change the CNN that it is given', () => {
    const cnn = smallCnn()
    const before = toBinary(ModelProtoSchema, cnn)
    writeClassifier(partsOf({ cnn }))
    expect(toBinary(ModelProtoSchema, cnn)).toEqual(before)
  })

  it('rejects an operator set without the operators of a pooling grid', () => {
    expect(() => writeClassifier(partsOf({ cnn: smallCnn({ opset: 9 }), pooling: { grid: 2 } }))).toThrow(
      expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }),
    )
  })

  it('rejects numbers beyond float32', () => {
    const parts = partsOf()
    parts.svm.dualCoef[1] = 1e39
    expect(() => writeClassifier(parts)).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }))
  })

  it.runIf(hasPythonModule('onnx'))("passes ONNX's own checker", () => {
    const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
    try {
      const files = [
        partsOf(),
        partsOf({ cnn: smallCnn({ typed: false }) }),
        partsOf({ classes: [0, 1], scale: 'l2', pooling: { grid: 2 } }),
        partsOf({ scale: 'none', pooling: 'none', kernel: 'linear' }),
      ].map((parts, i) => {
        const path = join(folder, `${i}.onnx`)
        writeFileSync(path, writeClassifier(parts))
        return path
      })
      expect(checkedByOnnx(files)).toBe(4)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
