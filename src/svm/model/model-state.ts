import { invalidArgument, shapeMismatch } from '../../core/errors.ts'
import { type Label, uniqueLabels } from '../../core/labels.ts'
import { Matrix } from '../../core/matrix.ts'
import { KERNEL_CODES } from '../../engine/kernel/kernel.ts'
import { pairCount } from '../../engine/kernel/pairs.ts'
import type { FittedModel, ModelExtras } from './fitted-model.ts'

// A state is the return value of `toState`. `structuredClone`, `postMessage` and IndexedDB keep its typed arrays but
// not the class of its matrix, and JSON turns each typed array into an object with the keys '0', '1', ...

/** Constructor of a typed array. */
interface Kind<A> {
  new (length: number): A
  from(values: number[]): A
}

/**
 * Restores the matrix and the typed arrays of a state that was cloned or went through JSON. Parts that are intact are
 * not copied. Kept short, because edge functions that only predict load it; `checkedModel` reports which part is
 * wrong.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for parts that are missing or of the wrong type
 */
export function reviveModel<M extends FittedModel & ModelExtras>(state: M): M {
  try {
    const { supportVectors, sigmoids, tieOrder, inputSteps } = state
    const { data, rows, cols } = supportVectors
    return {
      ...state,
      supportVectors: new Matrix(revive(Float32Array, data), rows, cols),
      nSupport: revive(Int32Array, state.nSupport),
      support: revive(Int32Array, state.support),
      nIter: revive(Int32Array, state.nIter),
      dualCoef: revive(Float64Array, state.dualCoef),
      intercept: revive(Float64Array, state.intercept),
      sigmoids: sigmoids && { a: revive(Float64Array, sigmoids.a), b: revive(Float64Array, sigmoids.b) },
      tieOrder: tieOrder && revive(Int32Array, tieOrder),
      inputSteps: inputSteps?.map((step) =>
        step.kind === 'scaler'
          ? { ...step, offset: revive(Float32Array, step.offset), scale: revive(Float32Array, step.scale) }
          : step,
      ),
    }
  } catch {
    throw invalidArgument('state', state, 'a value returned by toState()')
  }
}

function revive<A>(kind: Kind<A>, value: A): A {
  if (value instanceof kind) return value
  const numbers: number[] = Object.values(value as object)
  // JSON stores NaN and infinities as null, which would become 0.
  if (numbers.includes(null!)) throw 0
  return kind.from(numbers)
}

/**
 * Like `reviveModel`, for a state from an untrusted source.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for parts that are missing or of the wrong type, `SHAPE_MISMATCH` for
 *   lengths that do not agree; the message names the part
 */
export function checkedModel<M extends FittedModel & ModelExtras>(state: M): M {
  const model = reviveModel(state)
  const { kernel, supportVectors, nSupport, support, sigmoids, tieOrder, inputSteps = [] } = model
  const kinds = [...Object.keys(KERNEL_CODES), 'precomputed']
  if (!kinds.includes(kernel?.kind)) {
    throw invalidArgument('state.kernel.kind', kernel?.kind, `one of ${kinds.join(', ')}`)
  }
  const values =
    kernel.kind === 'precomputed'
      ? { columns: kernel.columns }
      : { gamma: kernel.gamma, coef0: kernel.coef0, degree: kernel.degree }
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isFinite(value)) throw invalidArgument(`state.kernel.${name}`, value, 'a finite number')
  }
  const classes = nSupport.length
  const vectors = nSupport.reduce((sum, count) => sum + count, 0)
  const pairs = pairCount(classes)
  const lengths: [name: string, part: ArrayLike<number> | undefined, length: number][] = [
    ['support', support, vectors],
    ['dualCoef', model.dualCoef, vectors * (classes - 1)],
    ['intercept', model.intercept, pairs],
    ['nIter', model.nIter, pairs],
    ['sigmoids.a', sigmoids?.a, pairs],
    ['sigmoids.b', sigmoids?.b, pairs],
    ['tieOrder', tieOrder, classes],
  ]
  for (const step of inputSteps) {
    if (step.kind === 'normalizer') continue
    lengths.push(['inputSteps.offset', step.offset, supportVectors.cols])
    lengths.push(['inputSteps.scale', step.scale, supportVectors.cols])
  }
  if (classes < 2) throw shapeMismatch('state.nSupport', classes, '2 numbers or more')
  if (supportVectors.rows !== vectors) {
    throw shapeMismatch('state.supportVectors', supportVectors.rows, `${vectors} rows, the sum of nSupport`)
  }
  for (const [name, part, length] of lengths) {
    if (part && part.length !== length) throw shapeMismatch(`state.${name}`, part.length, `${length} numbers`)
  }
  const columns = kernel.kind === 'precomputed' ? kernel.columns : Number.POSITIVE_INFINITY
  const odd = support.find((row) => row < -1 || row >= columns)
  if (odd !== undefined) throw invalidArgument('state.support', odd, 'a list of row numbers')
  if (tieOrder && new Set(tieOrder).size + tieOrder.filter((c) => c < 0 || c >= classes).length !== classes) {
    throw invalidArgument('state.tieOrder', tieOrder, `each number from 0 to ${classes - 1} once`)
  }
  return model
}

/**
 * Checks the classes of a state.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` unless there is one label per class, sorted
 */
export function checkStateClasses(classes: Label[], { nSupport }: FittedModel): void {
  const { length } = nSupport
  const isList = Array.isArray(classes) && classes.length === length
  if (!isList || uniqueLabels(classes, 'state.classes').some((label, i) => label !== classes[i])) {
    throw invalidArgument('state.classes', classes, `${length} labels, sorted`)
  }
}
