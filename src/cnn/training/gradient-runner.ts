import { exp, log } from '../../core/exp-log.ts'
import type { Tail } from '../../onnx/gradient/tail.ts'
import type { StepOptions } from '../../onnx/gradient/training-step.ts'
import type { RunningOptions, RuntimeInfo } from '../runtime.ts'
import type { OptimizerSettings, Parameter } from './optimizer.ts'
import { startStep, type TailFactory } from './step-runtime.ts'
import type { StepRuntime, TrainableTensor } from './trainable-step.ts'
import { HostUpdater, type WeightUpdater } from './weight-updater.ts'

/** A weight or the head, with its gradient of the current batch. */
export interface NamedParameter extends Parameter, TrainableTensor {}

/** What the images of a batch are to be labelled. */
export interface BatchTargets {
  /** The class of each image. */
  codes: Int32Array
  /** Share of each target that is spread over all classes. */
  labelSmoothing: number
  /** Classes that are mixed into those of the images, with the share that remains of the images' own. */
  mixed?: { codes: Int32Array; share: number } | undefined
}

/** Loss of a batch, and number of correct predictions. */
export interface BatchResult {
  /** Sum of the losses of its images, before the gradients are applied. */
  loss: number
  /** Number of images whose class had the largest logit. */
  correct: number
}

/**
 * Gradient accumulation: runs a mini-batch as micro-batches of fixed size and adds their gradients in order.
 */
export class GradientRunner {
  /** The trained weights, then the head's [classes, features] and [classes]. */
  readonly parameters: NamedParameter[]
  /** Number of images of a micro-batch. */
  readonly microBatch: number
  /** Buffers for what the tail takes, one micro-batch long. */
  readonly inputs: Float32Array[]
  readonly #step: StepRuntime
  readonly #classes: number
  readonly #targets: Float32Array

  private constructor(tail: Tail, step: StepRuntime, parameters: NamedParameter[], classes: number) {
    this.#step = step
    this.#classes = classes
    this.parameters = parameters
    this.microBatch = tail.kept[0].dims[0]
    this.inputs = tail.kept.map(({ dims }) => new Float32Array(dims.reduce((all, n) => all * n, 1)))
    this.#targets = new Float32Array(this.microBatch * classes)
  }

  /** @throws {SoftmarginError} the errors of `startStep` */
  static async start(
    tails: TailFactory,
    o: StepOptions & {
      /** Factor of the learning rate of a weight, by its `depth`. */
      layerFactor: (depth: number) => number
      /** Factor of the learning rate of the head. */
      headFactor: number
      running: RunningOptions
      /** Maximum number of threads, including this one. Default 1. */
      threads?: number
    },
  ): Promise<GradientRunner> {
    const { runtime, tail, parameters: tensors } = await startStep(tails, o, o.running, o.threads)
    const depths = new Map(tail.weights.map(({ name, depth }) => [name, depth]))
    const parameters = tensors.map((one) => {
      const depth = depths.get(one.name)
      return { ...one, learningRateFactor: depth === undefined ? o.headFactor : o.layerFactor(depth) }
    })
    return new GradientRunner(tail, runtime, parameters, o.classes)
  }

  /** The runtime that computes the gradients. */
  get runtime(): RuntimeInfo['name'] {
    return this.#step.name
  }

  /**
   * Computes the gradients of the mean loss of a batch into those of `parameters`.
   *
   * @param fill writes the tensors of images `from` to `to`, exclusive, into `inputs`
   * @throws {SoftmarginError} `ABORTED`
   */
  async computeGradients(
    targets: BatchTargets,
    fill: (from: number, to: number) => void,
    signal?: AbortSignal,
  ): Promise<BatchResult> {
    const { codes, mixed } = targets
    const count = codes.length
    const classes = this.#classes
    const result = { loss: 0, correct: 0 }
    this.#step.zeroGradients()
    for (let from = 0; from < count; from += this.microBatch) {
      const to = Math.min(count, from + this.microBatch)
      fill(from, to)
      this.#writeTargets(targets, from, to)
      const logits = await this.#step.accumulate(this.inputs, this.#targets, to - from, signal)
      for (let i = 0; i < to - from; i++) {
        const row = logits.subarray(i * classes, (i + 1) * classes)
        result.loss += crossEntropy(row, this.#targets.subarray(i * classes, (i + 1) * classes))
        const isMostlyOther = mixed !== undefined && mixed.share < 0.5
        if (largest(row) === (isMostlyOther ? mixed.codes : codes)[from + i]) result.correct++
      }
    }
    this.#step.writeGradients(1 / count)
    return result
  }

  /** Begins a training from the values of the parameters. Computed gradients are then to be applied by what it returns. */
  startUpdater(settings: OptimizerSettings): WeightUpdater {
    const { parameters } = this
    return this.#step.startUpdater?.(parameters, settings) ?? new HostUpdater(parameters, settings)
  }

  release(): Promise<void> {
    return this.#step.release()
  }

  /** Writes the targets of images `from` to `to`, exclusive. */
  #writeTargets({ codes, labelSmoothing, mixed }: BatchTargets, from: number, to: number): void {
    const classes = this.#classes
    const share = mixed?.share ?? 1
    this.#targets.fill(0)
    for (let i = 0; i < to - from; i++) {
      const row = this.#targets.subarray(i * classes, (i + 1) * classes)
      row.fill(labelSmoothing / classes)
      row[codes[from + i]] += share * (1 - labelSmoothing)
      if (mixed) row[mixed.codes[from + i]] += (1 - share) * (1 - labelSmoothing)
    }
  }
}

/** -sum(targets * log softmax(logits)), where the targets add up to 1. */
function crossEntropy(logits: Float32Array, targets: Float32Array): number {
  const greatest = logits[largest(logits)]
  let sum = 0
  let dot = 0
  for (let i = 0; i < logits.length; i++) {
    sum += exp(logits[i] - greatest)
    dot += targets[i] * (logits[i] - greatest)
  }
  return log(sum) - dot
}

/** Index of the largest number, the first of equal ones. */
export function largest(numbers: Float32Array): number {
  let best = 0
  for (let i = 1; i < numbers.length; i++) if (numbers[i] > numbers[best]) best = i
  return best
}
