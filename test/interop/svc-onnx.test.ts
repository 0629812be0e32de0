import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { env, InferenceSession, Tensor } from 'onnxruntime-web'
import { afterAll, describe, expect, it } from 'vitest'
import { Matrix } from '../../src/core/matrix.ts'
import { type Label, SVC, type SvcOptions } from '../../src/svm.ts'
import { clouds } from '../support/clouds.ts'
import { nativeOrt } from '../support/native-ort.ts'
import { checkedByOnnx } from '../support/onnx-checker.ts'
import { hasPythonModule } from '../support/programs.ts'

env.wasm.numThreads = 1

const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
afterAll(() => rmSync(folder, { recursive: true }))
const python = '/usr/bin/python3'
const native = nativeOrt()
const runtimes = [{ InferenceSession, Tensor }, ...(native ? [native] : [])]

/** The outputs of a runtime for the rows. */
async function ask(ort: (typeof runtimes)[0], model: Uint8Array, X: Matrix, second: string[] = []) {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 })
  const feeds = { X: new ort.Tensor('float32', X.data, [X.rows, X.cols]) }
  const answer = await session.run(feeds, ['label', ...second])
  await session.release()
  const labels = Array.from(answer.label.data as ArrayLike<unknown>, (label) =>
    typeof label === 'bigint' ? Number(label) : (label as Label),
  )
  return { labels, values: second.map((name) => Array.from(answer[name].data as Float32Array)) }
}

function expectClose(values: ArrayLike<number>, wanted: ArrayLike<number>, most = 1e-4): void {
  expect(values.length).toBe(wanted.length)
  for (let i = 0; i < values.length; i++) {
    if (!(Math.abs(values[i] - wanted[i]) <= most)) expect(values[i], `number ${i}`).toBe(wanted[i])
  }
}

/**
 * Tolerance for the probabilities of two classes: other runtimes run pairwise coupling for the only pair and stop
 * early, while LIBSVM 3.3 and softmargin return the value of the sigmoid.
 */
const coupling = 5e-3

const kernels: SvcOptions[] = [
  { kernel: 'linear' },
  { kernel: 'poly', gamma: 0.5, degree: 2, coef0: 1 },
  { kernel: 'rbf' },
  { kernel: 'sigmoid', gamma: 0.2, coef0: -0.1 },
]

describe('SVC.toOnnx in ONNX Runtime, 1,000 rows', () => {
  const labelSets: Label[][] = [
    [4, 9],
    ['no', 'yes'],
    [2, 0, 1],
    ['d', 'a', 'c', 'e', 'b'],
    [0.5, 1.5, 2.5],
  ]
  for (const options of kernels) {
    it.each(labelSets.map((labels) => ({ labels })))(
      `${options.kernel}, classes $labels`,
      async ({ labels }) => {
        const { X, codes } = clouds(200, labels.length, 0)
        const test = clouds(1000, labels.length, 1e6)
        const y = codes.map((code) => labels[code])
        using svc = await new SVC(options).fit(X, y)
        const model = await svc.toOnnx()
        const ours = await svc.predict(test.X)
        const decisions = await svc.decisionFunction(test.X, { shape: 'ovo' })
        // For two classes our decision values have one column, above 0 for the second class.
        const scores =
          labels.length === 2
            ? Array.from(decisions.data).flatMap((d) => [-d, d])
            : Array.from(decisions.data)
        for (const ort of runtimes) {
          const answer = await ask(ort, model, test.X, ['scores'])
          expect(answer.labels).toEqual(Number.isInteger(labels[0]) ? ours : ours.map(String))
          answer.values[0].forEach((value, i) => {
            if (Math.abs(value - scores[i]) > 1e-4) expect(value, `score ${i}`).toBe(scores[i])
          })
        }
        using again = await SVC.fromOnnx(model)
        expect(await again.predict(test.X)).toEqual(ours)
        expect(again.toState()).toEqual(svc.toState())
      },
    )
  }

  it('reproduces a LIBSVM model with its own class order and sigmoids', async () => {
    const text = readFileSync(new URL('../fixtures/libsvm/probability.model', import.meta.url), 'utf8')
    using svc = SVC.fromLibsvm(text, { columns: 6 })
    const model = await svc.toOnnx()
    const { X } = clouds(1000, 3, 1e6)
    using again = await SVC.fromOnnx(model)
    expect(again.classes).toEqual([0, 1, 2])
    // The file has its classes in LIBSVM's order: 2, 0, 1.
    const ours = await svc.predictProba(X)
    const inFileOrder = Array.from({ length: X.rows }, (_, i) => [2, 0, 1].map((c) => ours.row(i)[c])).flat()
    for (const ort of runtimes) {
      const answer = await ask(ort, model, X, ['probabilities'])
      expect(answer.labels).toEqual(await svc.predict(X))
      expect(await again.predict(X)).toEqual(answer.labels)
      expectClose(answer.values[0], inFileOrder)
    }
  })

  it.runIf(hasPythonModule('onnx'))("passes ONNX's own checker", async () => {
    const paths: string[] = []
    for (const options of kernels) {
      for (const classes of [2, 4]) {
        const { X, codes } = clouds(60, classes, 0)
        using svc = await new SVC(options).fit(X, codes)
        paths.push(join(folder, `${options.kernel}${classes}.onnx`))
        writeFileSync(paths.at(-1)!, await svc.toOnnx())
      }
    }
    expect(checkedByOnnx(paths)).toBe(2 * kernels.length)
  })
})

const scikitLearn = hasPythonModule('sklearn') && hasPythonModule('onnx')
describe.runIf(scikitLearn)("SVC.fromOnnx reads a scikit-learn SVC in skl2onnx's layout, 1,000 rows", () => {
  if (scikitLearn) {
    execFileSync(python, [fileURLToPath(new URL('sklearn_onnx.py', import.meta.url)), folder])
    const {
      columns,
      cases,
    }: { columns: number; cases: { name: string; labels: Label[]; probabilities: number[] | null }[] } =
      JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'))

    it.each(cases)('$name', async ({ name, labels, probabilities }) => {
      const model = new Uint8Array(readFileSync(join(folder, `${name}.onnx`)))
      const rows = new Uint8Array(readFileSync(join(folder, `${name}.f32`)))
      const X = new Matrix(new Float32Array(rows.buffer), 1000, columns)
      using svc = await SVC.fromOnnx(model)
      const ours = await svc.predict(X)
      // ONNX's Normalizer divides by the largest value, scikit-learn's by the largest absolute value; the file is
      // authoritative.
      if (!name.includes('max')) expect(ours).toEqual(labels)
      const most = svc.classes.length === 2 ? coupling : 1e-4
      const ourProbabilities = probabilities ? (await svc.predictProba(X)).data : []
      if (!name.includes('max')) expectClose(ourProbabilities, probabilities ?? [], most)
      const written = await svc.toOnnx()
      using again = await SVC.fromOnnx(written)
      expect(again.toState()).toEqual(svc.toState())
      expect(await again.toOnnx()).toEqual(written)
      for (const ort of runtimes) {
        expect((await ask(ort, model, X)).labels).toEqual(ours)
        const answer = await ask(ort, written, X, probabilities ? ['probabilities'] : [])
        expect(answer.labels).toEqual(ours)
        expectClose(answer.values[0] ?? [], ourProbabilities)
      }
    })
  }
})
