import type { Tail } from '../../onnx/gradient/tail.ts'
import type { RuntimeInfo } from '../runtime.ts'
import type { OptimizerSettings, Parameter } from './optimizer.ts'
import type { WeightUpdater } from './weight-updater.ts'

/** A parameter: a tensor that is trained. */
export interface TrainableTensor {
  name: string
  dims: number[]
  /** Read before each batch. */
  values: Float32Array
  /** The gradient of the current batch. */
  gradient: Float32Array
}

/** A runtime that computes the gradients of a classifier. */
export interface StepRuntime {
  readonly name: RuntimeInfo['name']
  /** Begins a batch: sets its gradients to zero. */
  zeroGradients(): void
  /**
   * Adds the gradients of the sum of the losses of a micro-batch to those of the batch.
   *
   * @param inputs what the tail takes, each as long as a micro-batch
   * @param targets [images of a micro-batch, classes]: the probability of each class, zeros after `count` images
   * @param count number of images, at most those of a micro-batch; what follows them in `inputs` is left over
   * @returns the logits, [count or more, classes]
   * @throws {SoftmarginError} `ABORTED`; a runtime need not notice the signal
   */
  accumulate(
    inputs: readonly Float32Array[],
    targets: Float32Array,
    count: number,
    signal?: AbortSignal,
  ): Promise<Float32Array>
  /** Writes the gradients of the batch, times a factor, to the parameters, or to where the runtime keeps the weights. */
  writeGradients(factor: number): void
  /**
   * Begins a training whose weights the runtime keeps, from the values of the parameters, which it reads no more. Absent if the
   * weights are changed in the parameters.
   */
  startUpdater?(parameters: readonly Parameter[], settings: OptimizerSettings): WeightUpdater
  release(): Promise<void>
}

/** A runtime and the parameters that it reads. */
export interface Started {
  runtime: StepRuntime
  /** The tail that it runs, whose batch is a micro-batch. */
  tail: Tail
  /** The weights, then the head's [classes, features] and [classes], which start at zero. */
  parameters: TrainableTensor[]
}

/** The weights of a tail and the head, as far as the loss depends on them. @param used names that it depends on */
export function trainableTensors(
  tail: Tail,
  head: { headWeight: string; headBias: string; features: number; classes: number },
  used: { has(name: string): boolean },
): TrainableTensor[] {
  const { headWeight, headBias, features, classes } = head
  const zeros = (length: number) => new Float32Array(length)
  return [
    ...tail.weights.map(({ name, dims, values }) => ({ name, dims, values: values.slice() })),
    { name: headWeight, dims: [classes, features], values: zeros(classes * features) },
    { name: headBias, dims: [classes], values: zeros(classes) },
  ]
    .filter(({ name }) => used.has(name))
    .map((one) => ({ ...one, gradient: zeros(one.values.length) }))
}
