// The step of a training in onnxruntime-web on a device that keeps the weights: only images and targets go there for each
// batch, and only logits and the norm of the gradients come back.

import type { Tail } from '../../../onnx/gradient/tail.ts'
import { type StepOptions, type TrainingStep, trainingStep } from '../../../onnx/gradient/training-step.ts'
import { addition } from '../../../onnx/gradient/update-step.ts'
import { startResidentGraph } from '../../other-runtimes.ts'
import type { Activation, Device, ResidentTensor, RunningResidentGraph } from '../../running-network.ts'
import type { OptimizerSettings, Parameter } from '../optimizer.ts'
import { type Started, type StepRuntime, type TrainableTensor, trainableTensors } from '../trainable-step.ts'
import { ResidentUpdater } from './resident-updater.ts'

/** @throws {SoftmarginError} the errors of `trainingStep` and `startResidentGraph` */
export async function startResidentStep(tail: Tail, o: StepOptions, device: Device): Promise<Started> {
  const step = trainingStep(tail, o)
  const { headWeight, headBias } = step.inputs
  const head = { headWeight, headBias, features: step.features, classes: o.classes }
  const parameters = trainableTensors(tail, head, step.gradients)
  const graph = await startResidentGraph(step.model, device, [step.logits])
  const source = { tail, classes: o.classes, step, graph, parameters, device }
  return { runtime: new ResidentStep(source), tail, parameters }
}

interface Source {
  tail: Tail
  classes: number
  step: TrainingStep
  graph: RunningResidentGraph
  parameters: TrainableTensor[]
  device: Device
}

class ResidentStep implements StepRuntime {
  readonly name = 'onnxruntime'
  readonly #source: Source
  readonly #inputs: Set<string>
  /** Weights that the loss does not depend on. */
  readonly #others: [string, Activation][]
  #updater: ResidentUpdater | undefined
  #addition: Promise<Addition> | undefined
  /** The gradients of the batch so far, in the order of the parameters. */
  #gradients: ResidentTensor[] | undefined

  constructor(source: Source) {
    const { step, tail, parameters } = source
    this.#source = source
    this.#inputs = new Set(step.model.graph!.input.map(({ name }) => name))
    const own = new Set(parameters.map(({ name }) => name))
    this.#others = tail.weights
      .filter(({ name }) => !own.has(name))
      .map(({ name, dims, values }) => [name, { data: values, dims }])
  }

  zeroGradients(): void {
    for (const one of this.#gradients ?? []) one.dispose()
    this.#gradients = undefined
  }

  async accumulate(inputs: readonly Float32Array[], targets: Float32Array): Promise<Float32Array> {
    const { tail, classes, step, graph, parameters } = this.#source
    const feeds: [string, Activation | ResidentTensor][] = [
      ...this.#others,
      ...tail.kept.map(({ name, dims }, i): [string, Activation] => [name, { data: inputs[i], dims }]),
      ...parameters.map((one, i): [string, Activation | ResidentTensor] => [
        one.name,
        this.#updater?.weights[i] ?? { data: one.values, dims: one.dims },
      ]),
      [step.inputs.targets, { data: targets, dims: [tail.kept[0].dims[0], classes] }],
    ]
    const found = await graph.run(Object.fromEntries(feeds.filter(([name]) => this.#inputs.has(name))))
    const gradients = parameters.map(({ name }) => found.get(step.gradients.get(name)!)!)
    if (this.#gradients === undefined) this.#gradients = gradients
    else {
      this.#addition ??= startAddition(
        parameters.map(({ dims }) => dims),
        this.#source.device,
      )
      this.#gradients = await (await this.#addition).add(this.#gradients, gradients)
    }
    const logits = found.get(step.logits)!
    const values = (await logits.read()).slice()
    logits.dispose()
    return values
  }

  writeGradients(factor: number): void {
    if (!this.#updater) throw new Error('the training has not begun')
    // The updater disposes them.
    this.#updater.take(this.#gradients!, factor)
    this.#gradients = undefined
  }

  startUpdater(parameters: readonly Parameter[], settings: OptimizerSettings): ResidentUpdater {
    const tensors = this.#source.parameters.map(({ dims }, i) => ({ dims, ...parameters[i] }))
    this.#updater = new ResidentUpdater(tensors, settings, this.#source.device)
    return this.#updater
  }

  async release(): Promise<void> {
    this.zeroGradients()
    await this.#updater?.release()
    // Why it did not start was thrown where it was needed.
    const addition = await this.#addition?.catch(() => undefined)
    await addition?.release()
    await this.#source.graph.release()
  }
}

interface Addition {
  /** The sums of some tensors, which are disposed. */
  add(a: readonly ResidentTensor[], b: readonly ResidentTensor[]): Promise<ResidentTensor[]>
  release(): Promise<void>
}

async function startAddition(sizes: number[][], device: Device): Promise<Addition> {
  const { model, sums } = addition(sizes)
  const graph = await startResidentGraph(model, device, [])
  return {
    add: async (a, b) => {
      const feeds = sums.flatMap(({ terms }, i) => [
        [terms[0], a[i]],
        [terms[1], b[i]],
      ])
      const found = await graph.run(Object.fromEntries(feeds))
      for (const one of [...a, ...b]) one.dispose()
      return sums.map(({ sum }) => found.get(sum)!)
    },
    release: () => graph.release(),
  }
}
