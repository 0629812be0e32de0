import { type Replaced, type UpdateStep, updateStep } from '../../../onnx/gradient/update-step.ts'
import { startResidentGraph } from '../../other-runtimes.ts'
import type { Activation, Device, ResidentTensor, RunningResidentGraph } from '../../running-network.ts'
import { averagedShare, BETA2, EPSILON, type OptimizerSettings, type Parameter } from '../optimizer.ts'
import { MAX_GRADIENT_NORM, type WeightUpdater } from '../weight-updater.ts'

/** A tensor on the device, or in memory as long as the device has not been given it. */
type Kept = Activation | ResidentTensor

/** What the update replaces in each step, in the order of the parameters. */
interface State {
  weights: Kept[]
  averages: Kept[]
  /** For each parameter, its moment estimates. */
  moments: Kept[][]
}

/** Changes weights where a device keeps them. They are read once, at the end. */
export class ResidentUpdater implements WeightUpdater {
  readonly #parameters: readonly (Parameter & { dims: number[] })[]
  readonly #settings: OptimizerSettings
  readonly #update: UpdateStep
  readonly #graph: Promise<RunningResidentGraph>
  #state: State
  #prepared: State | undefined
  /** The weights that were kept last. */
  #best: Kept[]
  #gradients: { tensors: readonly ResidentTensor[]; factor: number } | undefined
  /** Number of steps since the start or a restart. */
  #steps = 0
  #beta1Power = 1
  #beta2Power = 1

  constructor(
    parameters: readonly (Parameter & { dims: number[] })[],
    settings: OptimizerSettings,
    device: Device,
  ) {
    this.#parameters = parameters
    this.#settings = settings
    const { optimizer, momentum, weightDecay } = settings
    const constants = { beta2: BETA2, epsilon: EPSILON, maxNorm: MAX_GRADIENT_NORM }
    this.#update = updateStep(parameters, { optimizer, momentum, weightDecay, ...constants })
    this.#graph = startResidentGraph(this.#update.model, device, [this.#update.norm])
    // Whoever awaits it first sees why it does not start.
    this.#graph.catch(() => {})
    this.#best = parameters.map(({ values, dims }) => ({ data: values.slice(), dims }))
    this.#state = this.#fresh()
  }

  /** The current weights, in the order of the parameters. */
  get weights(): readonly Kept[] {
    return this.#state.weights
  }

  /** Takes over the gradients of a batch, to be multiplied by a factor. */
  take(tensors: readonly ResidentTensor[], factor: number): void {
    this.#gradients = { tensors, factor }
  }

  async prepare(learningRate: number, horizon: number): Promise<number> {
    const { parameters, numbers, norm: normName } = this.#update
    const { tensors, factor } = this.#gradients!
    const { weights, averages, moments } = this.#state
    this.#steps++
    this.#beta1Power *= this.#settings.momentum
    this.#beta2Power *= BETA2
    const one = (value: number): Activation => ({ data: Float32Array.of(value), dims: [1] })
    const feeds: [string, Kept][] = parameters.flatMap((parameter, i): [string, Kept][] => [
      [parameter.gradient, tensors[i]],
      [parameter.weight.input, weights[i]],
      [parameter.average.input, averages[i]],
      ...parameter.moments.map(({ input }, k): [string, Kept] => [input, moments[i][k]]),
    ])
    feeds.push(
      [numbers.factor, one(factor)],
      [numbers.rate, one(learningRate)],
      [numbers.share, one(averagedShare(this.#steps, horizon))],
    )
    if (numbers.corrections) {
      const [first, second] = numbers.corrections
      feeds.push([first, one(1 / (1 - this.#beta1Power))], [second, one(1 / (1 - this.#beta2Power))])
    }
    const found = await (await this.#graph).run(Object.fromEntries(feeds))
    for (const tensor of tensors) tensor.dispose()
    this.#gradients = undefined
    const replaced = ({ output }: Replaced): Kept => found.get(output)!
    this.#prepared = {
      weights: parameters.map(({ weight }) => replaced(weight)),
      averages: parameters.map(({ average }) => replaced(average)),
      moments: parameters.map((parameter) => parameter.moments.map(replaced)),
    }
    const norm = found.get(normName)!
    const [value] = await norm.read()
    norm.dispose()
    return value
  }

  apply(): void {
    const old = this.#state
    this.#state = this.#prepared!
    this.#prepared = undefined
    this.#dispose(old)
  }

  keep(): void {
    const old = this.#best
    this.#best = this.#state.weights
    if (old !== this.#best) disposeAll(old)
  }

  restart(): void {
    const [old, dropped] = [this.#state, this.#prepared]
    this.#prepared = undefined
    this.#state = this.#fresh()
    this.#dispose(old)
    if (dropped) this.#dispose(dropped)
  }

  async finish(): Promise<void> {
    for (const [i, { values }] of this.#parameters.entries()) {
      const average = this.#state.averages[i]
      values.set(isResident(average) ? await average.read() : average.data)
    }
  }

  async release(): Promise<void> {
    for (const tensor of this.#gradients?.tensors ?? []) tensor.dispose()
    if (this.#prepared) this.#dispose(this.#prepared)
    const { weights, averages, moments } = this.#state
    for (const tensors of new Set([weights, averages, this.#best, moments.flat()])) disposeAll(tensors)
    const graph = await this.#graph.catch(() => undefined)
    await graph?.release()
  }

  /** The kept weights, which are their own average, with moments of zero. */
  #fresh(): State {
    this.#steps = 0
    this.#beta1Power = 1
    this.#beta2Power = 1
    const weights = this.#best
    const moments = this.#parameters.map(({ dims }, i) =>
      this.#update.parameters[i].moments.map((): Activation => {
        return { data: new Float32Array(dims.reduce((all, n) => all * n, 1)), dims }
      }),
    )
    return { weights, averages: weights, moments }
  }

  /** Disposes a state, except the kept weights and what is still in use. */
  #dispose({ weights, averages, moments }: State): void {
    if (weights !== this.#best && weights !== this.#state.weights) disposeAll(weights)
    if (averages !== this.#best && averages !== weights) disposeAll(averages)
    disposeAll(moments.flat())
  }
}

function isResident(tensor: Kept): tensor is ResidentTensor {
  return 'dispose' in tensor
}

function disposeAll(tensors: readonly Kept[]): void {
  for (const one of tensors) if (isResident(one)) one.dispose()
}
