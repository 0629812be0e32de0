import { encodeLabels } from '../../../core/label-codes.ts'
import type { Label } from '../../../core/labels.ts'
import type { Matrix } from '../../../core/matrix.ts'
import { type Verdicts, validationOf } from '../../training/compared-networks.ts'
import { probeFeatures } from '../../training/feature-probe.ts'
import type { Validation } from '../../training/fine-tune-options.ts'
import { largest } from '../../training/gradient-runner.ts'
import type { Trained } from './fine-tune.ts'
import type { FrozenExtractor } from './frozen-extractor.ts'
import type { HeldOut } from './held-out-rows.ts'
import type { TuningData } from './tuning-data.ts'

/** The tuned network beside the frozen one, on the images that one or several trainings held out. */
export class HeldOutComparison {
  readonly #all: TuningData
  readonly #signal: AbortSignal | undefined
  readonly #folds: (HeldOut & { verdicts: Verdicts })[] = []

  /** @param all the images, those to learn from and those to hold out */
  constructor(all: TuningData, signal: AbortSignal | undefined) {
    this.#all = all
    this.#signal = signal
  }

  /** What was held out so far. */
  get folds(): readonly HeldOut[] {
    return this.#folds
  }

  /**
   * Adds a training.
   *
   * @param tuned an extractor on the trained network
   * @throws {SoftmarginError} `ABORTED`
   */
  async add(held: HeldOut, trained: Trained, tuned: Pick<FrozenExtractor<never>, 'extract'>): Promise<void> {
    const verdicts = await verdictsOn(held, this.#all, trained, tuned, this.#signal)
    this.#folds.push({ ...held, verdicts })
  }

  validation(): Validation {
    return validationOf(
      this.#folds.map(({ verdicts }) => verdicts),
      Array.from(this.#folds[0].test, (row) => this.#all.positions[row]),
    )
  }
}

/**
 * Which of the held-out images an SVM on the frozen features, one on the tuned features and the softmax head of the
 * training label correctly.
 */
async function verdictsOn(
  { train, test }: HeldOut,
  { images, labels, features }: TuningData,
  trained: Trained,
  tuned: Pick<FrozenExtractor<never>, 'extract'>,
  signal: AbortSignal | undefined,
): Promise<Verdicts> {
  const own = await tuned.extract(images, { signal })
  const labelsOf = (side: Int32Array) => Array.from(side, (row) => labels[row])
  const [trainLabels, testLabels] = [labelsOf(train), labelsOf(test)]
  const probe = async (X: Matrix) => {
    const tests = [X.select(test)]
    const [isCorrect] = await probeFeatures(X.select(train), trainLabels, tests, testLabels, signal)
    return isCorrect
  }
  const softmax = isHeadCorrect(trained, own.select(test), trainLabels, testLabels)
  return { frozen: await probe(features), tuned: await probe(own), softmax }
}

/** Which rows the softmax head labels correctly. */
function isHeadCorrect(
  { head }: Trained,
  features: Matrix,
  trainLabels: Label[],
  labels: Label[],
): boolean[] {
  const { classes } = encodeLabels(trainLabels)
  const { weight, bias, featureScale } = head
  // Features of the frozen network may follow.
  const own = weight.length / classes.length
  return labels.map((label, row) => {
    const x = features.row(row)
    const logits = Float32Array.from(classes, (_, k) => {
      let sum = 0
      for (let i = 0; i < own; i++) sum += x[i] * weight[k * own + i]
      return sum * featureScale + bias[k]
    })
    return classes[largest(logits)] === label
  })
}
