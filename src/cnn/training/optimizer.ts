/** Weights that an optimizer changes. */
export interface Parameter {
  values: Float32Array
  /** Factor of the learning rate. */
  learningRateFactor: number
}

/** Settings of an optimizer. */
export interface OptimizerSettings {
  optimizer: 'sgd' | 'adamw'
  /** Momentum of SGD, or the first beta of AdamW. */
  momentum: number
  weightDecay: number
}

/** The second beta and epsilon of AdamW, PyTorch's defaults. */
export const BETA2 = 0.999
export const EPSILON = 1e-8

/**
 * Changes weights by their gradients: SGD with Nesterov momentum, or AdamW, as `torch.optim` computes them.
 *
 * Numbers are computed in float64 and stored as float32, in a fixed order, so that they are the same on every host.
 */
export class Optimizer {
  readonly #parameters: readonly Parameter[]
  readonly #settings: OptimizerSettings
  readonly #momenta: Float32Array[]
  readonly #secondMoments: Float32Array[]
  /** The powers of the betas, which correct for the zeros that the averages start from. */
  #beta1Power = 1
  #beta2Power = 1

  constructor(parameters: readonly Parameter[], settings: OptimizerSettings) {
    this.#parameters = parameters
    this.#settings = settings
    this.#momenta = parameters.map(({ values }) => new Float32Array(values.length))
    this.#secondMoments = settings.optimizer === 'adamw' ? this.#momenta.map((all) => all.slice()) : []
  }

  /** Clears the moment estimates and AdamW's step count; the weights stay. */
  reset(): void {
    for (const numbers of [...this.#momenta, ...this.#secondMoments]) numbers.fill(0)
    this.#beta1Power = 1
    this.#beta2Power = 1
  }

  /** @param gradients one for each parameter */
  step(gradients: readonly Float32Array[], learningRate: number): void {
    this.#beta1Power *= this.#settings.momentum
    this.#beta2Power *= BETA2
    for (const [i, { values, learningRateFactor }] of this.#parameters.entries()) {
      const rate = learningRate * learningRateFactor
      if (this.#settings.optimizer === 'sgd') this.#sgd(values, gradients[i], this.#momenta[i], rate)
      else this.#adamW(values, gradients[i], i, rate)
    }
  }

  #sgd(values: Float32Array, gradients: Float32Array, momenta: Float32Array, rate: number): void {
    const { momentum, weightDecay } = this.#settings
    for (let i = 0; i < values.length; i++) {
      const gradient = gradients[i] + weightDecay * values[i]
      const moving = momentum * momenta[i] + gradient
      momenta[i] = moving
      values[i] -= rate * (gradient + momentum * moving)
    }
  }

  #adamW(values: Float32Array, gradients: Float32Array, at: number, rate: number): void {
    const { momentum, weightDecay } = this.#settings
    const [means, squares] = [this.#momenta[at], this.#secondMoments[at]]
    const [correct1, correct2] = [1 / (1 - this.#beta1Power), 1 / (1 - this.#beta2Power)]
    for (let i = 0; i < values.length; i++) {
      const gradient = gradients[i]
      const mean = momentum * means[i] + (1 - momentum) * gradient
      const square = BETA2 * squares[i] + (1 - BETA2) * gradient * gradient
      means[i] = mean
      squares[i] = square
      const scale = Math.sqrt(square * correct2) + EPSILON
      values[i] -= rate * (weightDecay * values[i] + (mean * correct1) / scale)
    }
  }
}

/**
 * Scales gradients down to a norm, all by the same factor.
 *
 * @returns their norm before
 */
export function clipNorm(gradients: readonly Float32Array[], maxNorm: number): number {
  let sum = 0
  for (const numbers of gradients) for (let i = 0; i < numbers.length; i++) sum += numbers[i] * numbers[i]
  const norm = Math.sqrt(sum)
  if (norm > maxNorm) {
    const factor = maxNorm / norm
    for (const numbers of gradients) for (let i = 0; i < numbers.length; i++) numbers[i] *= factor
  }
  return norm
}

/**
 * The share of the newest weights in a moving average.
 *
 * @param steps number of steps of the average, with this one
 * @param horizon number of steps that the average reaches back at most, about
 */
export function averagedShare(steps: number, horizon: number): number {
  return 1 / Math.min(Math.max(1, horizon), 1 + 0.1 * steps)
}

/** A moving average of weights (Polyak averaging). Its horizon is short at first, while the weights still change much. */
export class WeightAverage {
  readonly values: Float32Array[]
  readonly #parameters: readonly Parameter[]
  #steps = 0

  constructor(parameters: readonly Parameter[]) {
    this.#parameters = parameters
    this.values = parameters.map(({ values }) => values.slice())
  }

  /** @param horizon number of steps that the average reaches back at most, about */
  add(horizon: number): void {
    this.#steps++
    const share = averagedShare(this.#steps, horizon)
    for (const [i, { values }] of this.#parameters.entries()) {
      const averages = this.values[i]
      for (let j = 0; j < values.length; j++) averages[j] += share * (values[j] - averages[j])
    }
  }

  /** Restarts the average from the current weights. */
  reset(): void {
    this.#steps = 0
    for (const [i, { values }] of this.#parameters.entries()) this.values[i].set(values)
  }
}

/**
 * The learning-rate factor: linear warm-up over the first tenth of the training; then `'cosine'` decays to 0 along half a
 * cosine, and `'constant'` stays at 1.
 *
 * @param progress share of the training, above 0 and up to 1
 */
export function scheduleFactor(schedule: 'cosine' | 'constant', progress: number): number {
  const warm = Math.min(1, progress / 0.1)
  if (schedule === 'constant') return warm
  // cos^2(x pi / 2) = (1 + cos(x pi)) / 2.
  const cosine = cosineOfQuarter(Math.max(0, (progress - 0.1) / 0.9))
  return Math.min(warm, cosine * cosine)
}

/** cos(x pi / 2) for x from 0 to 1, by its Taylor series: `Math.cos` differs between hosts in its last bits. */
function cosineOfQuarter(x: number): number {
  const square = (x * Math.PI * x * Math.PI) / 4
  let sum = 0
  for (let k = 20; k > 0; k -= 2) sum = ((1 - sum) * square) / (k * (k - 1))
  return Math.max(0, 1 - sum)
}
