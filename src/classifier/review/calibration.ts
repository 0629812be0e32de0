import { exp, log } from '../../core/exp-log.ts'
import type { Label } from '../../core/labels.ts'
import { coupleProbabilities } from '../../engine/decision/coupling.ts'
import { fitSigmoid, type Sigmoids } from '../../engine/decision/platt.ts'
import type { TimeSlice } from '../../engine/wasm/time-slice.ts'
import { LEAD, MIN_PROBABILITY } from '../../onnx/classifier/probability-steps.ts'
import type { OutOfFold } from './out-of-fold.ts'

/** How decision values become probabilities. */
export interface Calibration {
  /** A sigmoid for each pair of classes. */
  sigmoids: Sigmoids
  /** The coupled probabilities are raised to this power and divided by their sum. */
  power: number
}

/**
 * Fits a sigmoid for each pair of classes (Platt; Lin, Lin and Weng) to out-of-fold decision values, and then one
 * temperature for the coupled probabilities (Guo et al., "On calibration of modern neural networks", 2017), which
 * minimises their log loss. With two classes the sigmoid alone is enough.
 *
 * @throws {SoftmarginError} `ABORTED`
 */
export async function fitCalibration(
  { decisions, labels: { classes, codes } }: OutOfFold<Label>,
  timeSlice: TimeSlice,
): Promise<Calibration> {
  const count = classes.length
  const pairs = (count * (count - 1)) / 2
  const a = new Float64Array(pairs)
  const b = new Float64Array(pairs)
  const rowsOf: number[][] = classes.map(() => [])
  for (const [row, code] of codes.entries()) rowsOf[code].push(row)
  for (let i = 0, pair = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++, pair++) {
      const rows = [...rowsOf[i], ...rowsOf[j]]
      const own = Float64Array.from(rows, (row) => decisions[row * pairs + pair])
      const fitted = await fitSigmoid(own, rowsOf[i].length, timeSlice)
      a[pair] = fitted.a
      b[pair] = fitted.b
    }
  }
  const sigmoids = { a, b }
  const coupled = coupleProbabilities(decisions, count, sigmoids)
  return { sigmoids, power: count === 2 ? 1 : bestPower(coupled, codes, count) }
}

/** Probabilities of each row, rows x classes. */
export function calibrate(
  decisions: Float64Array,
  classes: number,
  { sigmoids, power }: Calibration,
): Float32Array {
  return temper(coupleProbabilities(decisions, classes, sigmoids), classes, power)
}

/** Raises coupled probabilities, rows x classes, to a power, and divides each row by its sum. Works in place. */
export function temper(coupled: Float32Array, classes: number, power: number): Float32Array {
  if (power === 1) return coupled
  for (let at = 0; at < coupled.length; at += classes) {
    coupled.set(tempered(coupled.subarray(at, at + classes), power), at)
  }
  return coupled
}

/**
 * Makes the predicted label the most probable one of its row: votes and coupled probabilities may prefer different
 * classes. Its probability rises to the greatest of the others, and the row is divided by its sum. Works in place.
 *
 * @param probabilities rows x classes
 * @param predicted the class number of each row
 */
export function agreeWith(
  probabilities: Float32Array,
  classes: number,
  predicted: ArrayLike<number>,
): Float32Array {
  for (let row = 0; row < predicted.length; row++) {
    const own = probabilities.subarray(row * classes, (row + 1) * classes)
    const label = predicted[row]
    const others = own.reduce((most, p, c) => (c === label ? most : Math.max(most, p)), 0)
    if (own[label] >= others * LEAD) continue
    own[label] = others * LEAD
    const sum = own.reduce((total, p) => total + p, 0)
    own.forEach((p, c) => {
      own[c] = p / sum
    })
  }
  return probabilities
}

function tempered(row: Float32Array, power: number): Float64Array {
  const scores = Float64Array.from(row, (p) => power * log(Math.max(p, MIN_PROBABILITY)))
  const top = Math.max(...scores)
  const weights = scores.map((score) => exp(score - top))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

/** The power with the least log loss, by golden-section search over its logarithm. */
function bestPower(coupled: Float32Array, codes: Int32Array, classes: number): number {
  const logs = Float64Array.from(coupled, (p) => log(Math.max(p, MIN_PROBABILITY)))
  const loss = (power: number) => {
    let total = 0
    for (let row = 0, at = 0; row < codes.length; row++, at += classes) {
      let top = Number.NEGATIVE_INFINITY
      for (let c = 0; c < classes; c++) top = Math.max(top, power * logs[at + c])
      let sum = 0
      for (let c = 0; c < classes; c++) sum += exp(power * logs[at + c] - top)
      total += log(sum) - (power * logs[at + codes[row]] - top)
    }
    return total
  }
  const ratio = (Math.sqrt(5) - 1) / 2
  let [low, high] = [-3, 3]
  let left = high - ratio * (high - low)
  let right = low + ratio * (high - low)
  let [lossLeft, lossRight] = [loss(exp(left)), loss(exp(right))]
  for (let step = 0; step < 24; step++) {
    if (lossLeft <= lossRight) {
      high = right
      right = left
      lossRight = lossLeft
      left = high - ratio * (high - low)
      lossLeft = loss(exp(left))
    } else {
      low = left
      left = right
      lossLeft = lossRight
      right = low + ratio * (high - low)
      lossRight = loss(exp(right))
    }
  }
  return exp((low + high) / 2)
}
