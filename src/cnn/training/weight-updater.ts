import { clipNorm, Optimizer, type OptimizerSettings, type Parameter, WeightAverage } from './optimizer.ts'

/** Norm that gradients are scaled down to: rarely reached, except where the loss is about to diverge. */
export const MAX_GRADIENT_NORM = 10

/** Changes the weights of a training, wherever they are, and averages them. */
export interface WeightUpdater {
  /**
   * Prepares the change of the weights by the gradients of a batch.
   *
   * @param horizon number of steps that the average of the weights reaches back at most, about
   * @returns the norm of the gradients
   */
  prepare(learningRate: number, horizon: number): Promise<number>
  /** Makes the change that was prepared. */
  apply(): void
  /** Remembers the weights. */
  keep(): void
  /** Continues from the weights that were kept last, or those of the start, without what was prepared and averaged. */
  restart(): void
  /** Sets the values of the parameters to the average of the weights. */
  finish(): Promise<void>
}

/** Changes weights that are in the parameters, by the gradients there. */
export class HostUpdater implements WeightUpdater {
  readonly #parameters: readonly (Parameter & { gradient: Float32Array })[]
  readonly #gradients: Float32Array[]
  readonly #optimizer: Optimizer
  readonly #average: WeightAverage
  readonly #kept: Float32Array[]
  #prepared: { learningRate: number; horizon: number } | undefined

  constructor(parameters: readonly (Parameter & { gradient: Float32Array })[], settings: OptimizerSettings) {
    this.#parameters = parameters
    this.#gradients = parameters.map(({ gradient }) => gradient)
    this.#optimizer = new Optimizer(parameters, settings)
    this.#average = new WeightAverage(parameters)
    this.#kept = parameters.map(({ values }) => values.slice())
  }

  async prepare(learningRate: number, horizon: number): Promise<number> {
    this.#prepared = { learningRate, horizon }
    return clipNorm(this.#gradients, MAX_GRADIENT_NORM)
  }

  apply(): void {
    const { learningRate, horizon } = this.#prepared!
    this.#optimizer.step(this.#gradients, learningRate)
    this.#average.add(horizon)
  }

  keep(): void {
    for (const [i, { values }] of this.#parameters.entries()) this.#kept[i].set(values)
  }

  restart(): void {
    for (const [i, { values }] of this.#parameters.entries()) values.set(this.#kept[i])
    this.#optimizer.reset()
    this.#average.reset()
  }

  async finish(): Promise<void> {
    for (const [i, { values }] of this.#parameters.entries()) values.set(this.#average.values[i])
  }
}
