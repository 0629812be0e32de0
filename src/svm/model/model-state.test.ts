import { describe, expect, it } from 'vitest'
import { clouds } from '../../../test/support/clouds.ts'
import { SoftmarginError } from '../../core/errors.ts'
import { Matrix } from '../../core/matrix.ts'
import { Random } from '../../core/random.ts'
import { StandardScaler } from '../../preprocessing/standard-scaler.ts'
import { OneClassSVM } from '../one-class-svm.ts'
import { SVC } from '../public-svc.ts'
import { SvcPredictor } from '../svc-predictor.ts'
import { SVR } from '../svr.ts'

/** The part of an estimator that these tests use. */
interface AnySvm {
  predict(X: Matrix): Promise<unknown>
  toState(): object
}

const rows = clouds(40, 3, 1)
const odd = {
  X: new Matrix(
    rows.X.data.map((value) => value / 3),
    rows.X.rows,
    rows.X.cols,
  ),
}
const products = new Matrix(new Float32Array(40 * 40), 40, 40)
for (let i = 0; i < 40; i++) {
  for (let j = 0; j < 40; j++) {
    products.row(i)[j] = odd.X.row(i).reduce((sum, value, k) => sum + value * odd.X.row(j)[k], 0)
  }
}
const text = rows.codes.map((code) => `class ${code}`)
const two = rows.codes.map((code) => Number(code > 0))
const scaler = { kind: 'scaler', offset: odd.X.row(0).slice(), scale: odd.X.row(1).slice() } as const

const estimators: [string, Matrix, () => Promise<AnySvm>, (state: never) => AnySvm][] = []
for (const kernel of ['linear', 'poly', 'rbf', 'sigmoid', 'precomputed'] as const) {
  const X = kernel === 'precomputed' ? products : odd.X
  estimators.push(
    [`SVC, ${kernel}`, X, () => new SVC({ kernel }).fit(X, text), SVC.fromState],
    [`SVC, ${kernel}, two classes`, X, () => new SVC({ kernel, C: 1 / 3 }).fit(X, two), SVC.fromState],
    [`SVR, ${kernel}`, X, () => new SVR({ kernel }).fit(X, two), SVR.fromState],
    [`OneClassSVM, ${kernel}`, X, () => new OneClassSVM({ kernel }).fit(X), OneClassSVM.fromState],
    [`SvcPredictor, ${kernel}`, X, () => new SVC({ kernel }).fit(X, text), fromPredictor],
  )
}
estimators.push(
  [
    'SVC with probabilities and class weights',
    odd.X,
    () => new SVC({ probability: true, classWeight: { 'class 0': 2 }, threads: 1 }).fit(odd.X, text),
    SVC.fromState,
  ],
  [
    'SVC with steps before it, from an ONNX file',
    odd.X,
    async () => {
      using svc = await new SVC().fit(odd.X, text)
      const inputSteps = [scaler, { kind: 'normalizer', norm: 'l1' } as const]
      using stepped = SVC.fromState({ ...svc.toState(), inputSteps })
      return SVC.fromOnnx(await stepped.toOnnx())
    },
    SVC.fromState,
  ],
  [
    'SVC with its classes in another order, from a LIBSVM file',
    odd.X,
    async () => {
      using svc = await new SVC({ kernel: 'linear' }).fit(odd.X, rows.codes)
      return SVC.fromLibsvm(svc.toLibsvm().replace(/^label .*$/m, 'label 2 0 1'))
    },
    SVC.fromState,
  ],
)

/** Restores the state of an SVC as an `SvcPredictor`. */
function fromPredictor(state: never): AnySvm {
  const predictor = SvcPredictor.fromState(state)
  return { predict: (X) => predictor.predict(X), toState: () => state }
}

/** Everything that an estimator returns. */
async function results(svm: AnySvm, X: Matrix): Promise<unknown[]> {
  const { decisionFunction, predictProba } = svm as Partial<SVC>
  const hasProbabilities = svm instanceof SVC && svm.getParams().probability
  return [
    await svm.predict(X),
    await decisionFunction?.call(svm, X),
    hasProbabilities && (await predictProba!.call(svm, X)),
  ]
}

const copies: [string, (state: object) => object][] = [
  ['as it is', (state) => state],
  ['after structuredClone', (state) => structuredClone(state)],
  ['after JSON', (state) => JSON.parse(JSON.stringify(state))],
  ['after JSON, twice', (state) => JSON.parse(JSON.stringify(JSON.parse(JSON.stringify(state))))],
]

describe.each(estimators)('the state of an %s', (_, X, make, fromState) => {
  it.each(copies)('gives an estimator with the same bits, %s', async (__, copy) => {
    const svm = await make()
    const again = fromState(copy(svm.toState()) as never)
    const original = svm.constructor === again.constructor ? svm : fromState(svm.toState() as never)
    expect(await results(again, X)).toEqual(await results(original, X))
    if (again.constructor === svm.constructor) {
      // JSON omits undefined options, which toEqual treats as equal.
      expect(again.toState()).toEqual(svm.toState())
      // A restored SVC is saved to the same bytes.
      if (svm instanceof SVC && !svm.toState().kernel.kind.startsWith('pre')) {
        expect(await (again as SVC).toOnnx()).toEqual(await svm.toOnnx())
      }
    }
  })
})

describe('fromState', () => {
  it('rejects invalid states and names the invalid part', async () => {
    const svc = await new SVC().fit(odd.X, text)
    const state = svc.toState()
    const wrong: [object | null | undefined, string, string][] = [
      [null, 'INVALID_ARGUMENT', 'state'],
      [undefined, 'INVALID_ARGUMENT', 'state'],
      [{}, 'INVALID_ARGUMENT', 'state'],
      [{ ...state, dualCoef: undefined }, 'INVALID_ARGUMENT', 'state'],
      [{ ...state, dualCoef: [Number.NaN, null] }, 'INVALID_ARGUMENT', 'state'],
      [{ ...state, dualCoef: state.dualCoef.slice(1) }, 'SHAPE_MISMATCH', 'state.dualCoef'],
      [{ ...state, support: state.support.slice(1) }, 'SHAPE_MISMATCH', 'state.support'],
      [{ ...state, intercept: [1] }, 'SHAPE_MISMATCH', 'state.intercept'],
      [{ ...state, nIter: [] }, 'SHAPE_MISMATCH', 'state.nIter'],
      [{ ...state, nSupport: [3] }, 'SHAPE_MISMATCH', 'state.nSupport'],
      [{ ...state, nSupport: [1, 1, 1] }, 'SHAPE_MISMATCH', 'state.supportVectors'],
      [{ ...state, sigmoids: { a: [1], b: [2] } }, 'SHAPE_MISMATCH', 'state.sigmoids.a'],
      [{ ...state, tieOrder: [0, 0, 1] }, 'INVALID_ARGUMENT', 'state.tieOrder'],
      [{ ...state, classes: undefined }, 'INVALID_ARGUMENT', 'state.classes'],
      [{ ...state, classes: ['a', 'b'] }, 'INVALID_ARGUMENT', 'state.classes'],
      [{ ...state, classes: ['a', 'b', 3] }, 'INVALID_ARGUMENT', 'state.classes[2]'],
      [{ ...state, classes: ['b', 'a', 'c'] }, 'INVALID_ARGUMENT', 'state.classes'],
      [{ ...state, kernel: undefined }, 'INVALID_ARGUMENT', 'state.kernel.kind'],
      [{ ...state, kernel: { kind: 'toString' } }, 'INVALID_ARGUMENT', 'state.kernel.kind'],
      [{ ...state, kernel: { kind: 'rbf' } }, 'INVALID_ARGUMENT', 'state.kernel.gamma'],
      [{ ...state, options: null }, 'INVALID_ARGUMENT', 'options'],
    ]
    for (const [each, code, argument] of wrong) {
      const error = thrownBy(() => SVC.fromState(each as never))
      expect([error.code, error.argument], error.message).toEqual([code, argument])
    }
    const parts = 'classes dualCoef intercept kernel nIter nSupport support supportVectors'.split(' ')
    for (const part of parts) {
      const lacking = { ...state, [part]: undefined }
      expect(thrownBy(() => SVC.fromState(lacking)).name).toBe('SoftmarginError')
    }
    for (const Class of [SVR, OneClassSVM, SvcPredictor]) {
      expect(thrownBy(() => Class.fromState({} as never)).code).toBe('INVALID_ARGUMENT')
    }
  })

  it('accepts a state with one part damaged or says what is wrong with it', async () => {
    const random = new Random(7)
    const damage = [null, undefined, {}, [], 'text', 3, -1, Number.NaN, [null], { 0: 'a' }, { length: 5 }]
    const state = (await new SVC({ probability: true }).fit(odd.X, text)).toState()
    const errors: unknown[] = []
    for (let n = 0; n < 2000; n++) {
      const broken = JSON.parse(JSON.stringify(state))
      let holder = broken
      let keys = Object.keys(holder)
      let key = keys[random.below(keys.length)]
      while (holder[key] !== null && typeof holder[key] === 'object' && random.below(2) === 0) {
        holder = holder[key]
        keys = Object.keys(holder)
        key = keys[random.below(keys.length)]
      }
      holder[key] = damage[random.below(damage.length)]
      try {
        using svc = SVC.fromState(broken)
        await svc.predict(odd.X)
      } catch (error) {
        errors.push(error)
      }
    }
    expect(errors.length).toBeGreaterThan(1000)
    const isFine = (error: unknown) => error instanceof SoftmarginError && error.code !== 'INTERNAL'
    expect(errors.filter((error) => !isFine(error))).toEqual([])
  })
})

describe('StandardScaler.from', () => {
  it.each(copies)('gives a scaler with the same bits, %s', async (_, copy) => {
    const { mean, scale } = await new StandardScaler().fit(odd.X)
    const again = StandardScaler.from(copy({ mean, scale }) as StandardScaler)
    expect(await again.transform(odd.X)).toEqual(await StandardScaler.from({ mean, scale }).transform(odd.X))
  })

  it('rejects values that are not numbers', () => {
    for (const wrong of [
      null,
      undefined,
      {},
      { mean: [1] },
      { mean: {}, scale: {} },
      { mean: [null], scale: [1] },
    ]) {
      expect(thrownBy(() => StandardScaler.from(wrong as never)).code).toBe('INVALID_ARGUMENT')
    }
  })
})

function thrownBy(work: () => unknown): SoftmarginError {
  try {
    work()
  } catch (error) {
    return error as SoftmarginError
  }
  throw new Error('nothing was thrown')
}
