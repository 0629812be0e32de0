import type { Tail } from '../../onnx/gradient/tail.ts'
import { type StepOptions, trainingStep } from '../../onnx/gradient/training-step.ts'
import type { Activation } from '../running-network.ts'
import { type RunningGraph, type RunningOptions, startGraph } from '../runtime.ts'
import type { Parameter } from './optimizer.ts'

/** A weight or the head, with its gradient of the current batch. */
export interface NamedParameter extends Parameter {
  name: string
  dims: number[]
  gradient: Float32Array
}

/** Loss and hits of a batch. */
export interface BatchResult {
  /** Sum of the losses of its images, before the gradients are applied. */
  loss: number
  /** Number of images whose class had the largest logit. */
  right: number
}

/**
 * Computes gradients: a batch in slices of fixed size, whose gradients are added in order.
 */
export class GradientRunner {
  /** The weights that learn, then the head's [classes, features] and [classes]. */
  readonly parameters: NamedParameter[]
  /** Number of images that one run takes. */
  readonly slice: number
  /** Buffers for what the tail takes, one slice long. */
  readonly inputs: Float32Array[]
  readonly #step: ReturnType<typeof trainingStep>
  readonly #graph: RunningGraph
  readonly #classes: number
  readonly #feeds: Record<string, Activation> = {}
  readonly #targets: Float32Array

  private constructor(
    tail: Tail,
    step: ReturnType<typeof trainingStep>,
    graph: RunningGraph,
    o: { classes: number; rateOf: (depth: number) => number; headRate: number },
  ) {
    this.#step = step
    this.#graph = graph
    this.#classes = o.classes
    this.slice = tail.kept[0].dims[0]
    const { headWeight, headBias, targets } = step.inputs
    const head = { depth: 0, isHead: true }
    this.parameters = [
      ...tail.weights.map((one) => ({ ...one, isHead: false })),
      { name: headWeight, dims: [o.classes, step.features], values: new Float32Array(0), ...head },
      { name: headBias, dims: [o.classes], values: new Float32Array(0), ...head },
    ]
      .filter(({ name }) => step.gradients.has(name))
      .map(({ name, dims, values, depth, isHead }) => {
        const length = dims.reduce((all, n) => all * n, 1)
        return {
          name,
          dims,
          // The head starts at zero.
          values: isHead ? new Float32Array(length) : values.slice(),
          rate: isHead ? o.headRate : o.rateOf(depth),
          gradient: new Float32Array(length),
        }
      })
    this.inputs = tail.kept.map(({ name, dims }) => {
      const data = new Float32Array(dims.reduce((all, n) => all * n, 1))
      this.#feeds[name] = { data, dims }
      return data
    })
    for (const { name, dims, values } of this.parameters) this.#feeds[name] = { data: values, dims }
    // Weights that the loss does not depend on stay as they are.
    for (const { name, dims, values } of tail.weights) this.#feeds[name] ??= { data: values, dims }
    const taken = new Set(step.model.graph!.input.map(({ name }) => name))
    for (const name of Object.keys(this.#feeds)) if (!taken.has(name)) delete this.#feeds[name]
    this.#targets = new Float32Array(this.slice * o.classes)
    this.#feeds[targets] = { data: this.#targets, dims: [this.slice, o.classes] }
  }

  /**
   * @param tail its batch is the size of a slice
   * @throws {SoftmarginError} the errors of `trainingStep` and `startGraph`
   */
  static async start(
    tail: Tail,
    o: StepOptions & { rateOf: (depth: number) => number; headRate: number; running: RunningOptions },
  ): Promise<GradientRunner> {
    const step = trainingStep(tail, o)
    return new GradientRunner(tail, step, await startGraph(step.model, o.running), o)
  }

  /**
   * Computes the gradients of the mean loss of a batch into `learnt`.
   *
   * @param codes the class of each image
   * @param fill writes the tensors of images `from` to `to`, exclusive, into `inputs`
   */
  async run(
    codes: Int32Array,
    labelSmoothing: number,
    fill: (from: number, to: number) => void,
  ): Promise<BatchResult> {
    const { logits, losses } = this.#step.outputs
    const count = codes.length
    const result = { loss: 0, right: 0 }
    for (let from = 0; from < count; from += this.slice) {
      const to = Math.min(count, from + this.slice)
      fill(from, to)
      this.#writeTargets(codes.subarray(from, to), labelSmoothing, 1 / count)
      const answers = await this.#graph.run(this.#feeds)
      for (const { name, gradient } of this.parameters) {
        const { data } = answers.get(this.#step.gradients.get(name)!)!
        if (from === 0) gradient.set(data)
        else for (let i = 0; i < data.length; i++) gradient[i] += data[i]
      }
      const lost = answers.get(losses)!.data
      const outputs = answers.get(logits)!.data
      for (let i = 0; i < to - from; i++) {
        result.loss += lost[i] * count
        const row = outputs.subarray(i * this.#classes, (i + 1) * this.#classes)
        if (largest(row) === codes[from + i]) result.right++
      }
    }
    return result
  }

  release(): Promise<void> {
    return this.#graph.release()
  }

  #writeTargets(codes: Int32Array, labelSmoothing: number, weight: number): void {
    const classes = this.#classes
    this.#targets.fill(0)
    for (const [i, code] of codes.entries()) {
      this.#targets.fill((labelSmoothing / classes) * weight, i * classes, (i + 1) * classes)
      this.#targets[i * classes + code] = (1 - labelSmoothing + labelSmoothing / classes) * weight
    }
  }
}

/** Index of the largest number, the first of equal ones. */
export function largest(numbers: Float32Array): number {
  let best = 0
  for (let i = 1; i < numbers.length; i++) if (numbers[i] > numbers[best]) best = i
  return best
}
