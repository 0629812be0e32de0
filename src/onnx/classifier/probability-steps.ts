import { TensorProto_DataType as DataType } from '../proto/onnx.ts'
import type { Steps } from './graph-steps.ts'
import { ioNames, ownPrefix } from './names.ts'
import type { SvmNumbers } from './svm-node.ts'
import { labelsAreIntegers, svmNode } from './write-svm-node.ts'

type Sigmoids = NonNullable<SvmNumbers['sigmoids']>

/** The calibration of coupled probabilities. */
export interface FileCalibration {
  /** The exponent of the probabilities; each row is divided by its sum afterwards. */
  power: number
}

/** Smaller probabilities are raised to this: about the smallest amount by which a float32 can differ from 1. */
export const MIN_PROBABILITY = 1e-7
/** Factor by which the label's probability exceeds the others: above the rounding error of float32, but negligible. */
export const LEAD = 1 + 2 ** -20

/**
 * Adds the SVM with labels and, instead of decision values, one probability per class.
 *
 * For more than two classes this uses the operator's own pairwise coupling, which follows LIBSVM. For two
 * classes the operator would also run the coupling iteration on the single pair and stop it early, with
 * errors of up to 0.005, so the sigmoid is added as separate nodes.
 */
export function probabilitySteps(
  steps: Steps,
  svm: SvmNumbers & { sigmoids: Sigmoids },
  scaled: string,
  calibration?: FileCalibration | undefined,
): void {
  const name = `${ownPrefix}svm`
  const coupled = calibration ? `${ownPrefix}coupled` : ioNames.probabilities
  if (svm.classes.length > 2) {
    steps.node(svmNode(name, svm, scaled, ioNames.label, coupled))
  } else {
    const decisions = `${ownPrefix}decisions`
    steps.node(svmNode(name, { ...svm, sigmoids: undefined }, scaled, ioNames.label, decisions))
    // The operator returns [-f, f] for a decision value f; the first class has probability 1 / (1 + exp(a f +
    // b)).
    const [a] = svm.sigmoids.a
    const [b] = svm.sigmoids.b
    const slopes = steps.constant('sigmoid-slopes', Float32Array.of(a, a))
    const offsets = steps.constant('sigmoid-offsets', Float32Array.of(-b, b))
    const sloped = steps.step('decisions-sloped', 'Mul', [decisions, slopes])
    const moved = steps.step('decisions-moved', 'Add', [sloped, offsets])
    if (calibration) steps.step('coupled', 'Sigmoid', [moved])
    else steps.finish(ioNames.probabilities, 'Sigmoid', [moved])
  }
  if (calibration) calibrationSteps(steps, svm.classes, coupled, calibration)
}

/**
 * Raises the coupled probabilities to a power. Then raises the label's probability above those of the other classes if
 * it is lower, because the SVM's votes, which decide the label, may disagree with the coupling.
 */
function calibrationSteps(
  steps: Steps,
  classes: SvmNumbers['classes'],
  coupled: string,
  { power }: FileCalibration,
): void {
  const sum1 = { norm: 'L1' }
  let tempered = coupled
  if (power !== 1) {
    const least = steps.constant('least', Float32Array.of(MIN_PROBABILITY))
    const clipped = steps.step('coupled-clipped', 'Max', [coupled, least])
    const exponent = steps.constant('power', Float32Array.of(power))
    const raised = steps.step('coupled-raised', 'Pow', [clipped, exponent])
    tempered = steps.step('tempered', 'ai.onnx.ml:Normalizer', [raised], sum1)
    steps.declare(tempered, DataType.FLOAT, [classes.length])
  }
  const isLabel = labelMask(steps, classes)
  const isOther = steps.step('is-other', 'Sub', [steps.constant('one', Float32Array.of(1)), isLabel])
  const others = steps.step('others', 'Mul', [tempered, isOther])
  // The maximum of each row, by an operator that is the same in all opsets.
  const planes = steps.constant('planes', BigInt64Array.of(-1n, 1n, BigInt(classes.length)))
  const column = steps.constant('column', BigInt64Array.of(-1n, 1n))
  const pooled = steps.step('others-pooled', 'GlobalMaxPool', [
    steps.step('others-planes', 'Reshape', [others, planes]),
  ])
  const most = steps.step('others-most', 'Reshape', [pooled, column])
  const enough = steps.step('enough', 'Mul', [most, steps.constant('lead', Float32Array.of(LEAD))])
  const label = steps.step('label-raised', 'Mul', [
    steps.step('label-enough', 'Max', [tempered, enough]),
    isLabel,
  ])
  const all = steps.step('all-raised', 'Add', [label, others])
  steps.finish(ioNames.probabilities, 'ai.onnx.ml:Normalizer', [all], sum1)
}

/** Adds a mask [N, classes], float32: 1 for the label of each row. @returns its name */
function labelMask(steps: Steps, classes: SvmNumbers['classes']): string {
  const areIntegers = labelsAreIntegers(classes)
  const numbers = areIntegers ? classes.map(BigInt) : classes.map((_, i) => BigInt(i))
  const codes = areIntegers
    ? ioNames.label
    : steps.step('label-number', 'ai.onnx.ml:LabelEncoder', [ioNames.label], {
        classes_strings: classes.map(String),
      })
  if (!areIntegers) steps.declare(codes, DataType.INT64, [])
  const column = steps.step('label-column', 'Reshape', [
    codes,
    steps.constant('label-shape', BigInt64Array.of(-1n, 1n)),
  ])
  const equal = steps.step('label-is', 'Equal', [
    column,
    steps.constant('class-numbers', BigInt64Array.from(numbers), [1, classes.length]),
  ])
  return steps.step('is-label', 'Cast', [equal], { to: BigInt(DataType.FLOAT) })
}
