import type { Tail } from '../../onnx/gradient/tail.ts'
import { type StepOptions, tailClassifier, trainingStep } from '../../onnx/gradient/training-step.ts'
import { TrainingNetwork } from '../engine/training/training-network.ts'
import { startGraph } from '../other-runtimes.ts'
import type { Activation } from '../running-network.ts'
import { type RunningOptions, whyNotEngine } from '../runtime.ts'
import { type Started, type StepRuntime, trainableTensors } from './trainable-step.ts'

/** Makes the tail that a training runs, with the micro-batch that suits the runtime. */
export interface TailFactory {
  /** For the engine, which needs no more memory for more images. */
  forEngine(): Tail
  /** For a runtime of ONNX graphs, whose memory grows with the images. */
  forOnnxGraph(): Tail
}

/**
 * Starts what computes gradients: the engine if it knows every operator, unless another runtime was asked for.
 *
 * @param threads maximum number of threads of the engine, including this one
 * @throws {SoftmarginError} the errors of `trainingStep` and `startGraph`
 */
export async function startStep(
  tails: TailFactory,
  o: StepOptions,
  running: RunningOptions,
  threads = 1,
): Promise<Started> {
  const { runtime = 'auto', device = 'wasm' } = running
  const startOnnxGraph = () => inOnnxGraph(tails.forOnnxGraph(), o, running)
  if (device === 'webgpu' && typeof runtime !== 'object') {
    const { startResidentStep } = await import('./resident/resident-step.ts')
    return startResidentStep(tails.forOnnxGraph(), o, device)
  }
  if (device !== 'wasm' || (runtime !== 'auto' && runtime !== 'engine')) return startOnnxGraph()
  try {
    return await inEngine(tails.forEngine(), o, threads)
  } catch (error) {
    if (whyNotEngine(error) === undefined) throw error
    return startOnnxGraph()
  }
}

async function inEngine(tail: Tail, o: StepOptions, threads: number): Promise<Started> {
  const { headWeight, headBias, features, model: forward } = tailClassifier(tail, o)
  const model = forward()
  const used = new Set(model.graph!.input.map(({ name }) => name))
  const parameters = trainableTensors(tail, { headWeight, headBias, features, classes: o.classes }, used)
  const source = { model, inputs: tail.kept, parameters }
  const network = await TrainingNetwork.create(source, { threads })
  const runtime: StepRuntime = {
    name: 'engine',
    zeroGradients: () => {
      for (const { gradient } of parameters) gradient.fill(0)
      network.begin()
    },
    accumulate: (inputs, targets, count, signal) => network.run(inputs, targets, count, signal),
    writeGradients: (factor) => network.end(factor),
    release: async () => network.release(),
  }
  return { runtime, tail, parameters }
}

async function inOnnxGraph(tail: Tail, o: StepOptions, running: RunningOptions): Promise<Started> {
  const step = trainingStep(tail, o)
  const graph = await startGraph(step.model, running)
  const { headWeight, headBias, targets } = step.inputs
  const head = { headWeight, headBias, features: step.features, classes: o.classes }
  const parameters = trainableTensors(tail, head, step.gradients)
  const dims = new Map(tail.kept.map((one) => [one.name, one.dims]))
  const microBatch = tail.kept[0].dims[0]
  const feeds: Record<string, Activation> = {}
  // Weights that the loss does not depend on stay as they are.
  for (const { name, dims: own, values } of tail.weights) feeds[name] = { data: values, dims: own }
  for (const { name, dims: own, values } of parameters) feeds[name] = { data: values, dims: own }
  const graphInputs = new Set(step.model.graph!.input.map(({ name }) => name))
  return { runtime: graphRuntime(), tail, parameters }

  function graphRuntime(): StepRuntime {
    return {
      name: typeof running.runtime === 'object' ? 'given' : 'onnxruntime',
      zeroGradients: () => {
        for (const { gradient } of parameters) gradient.fill(0)
      },
      // Images after `count` are left over; their targets are zero, so they add nothing to the gradients. ONNX Runtime cannot
      // be interrupted by the signal.
      accumulate: async (inputs, data) => {
        for (const [i, { name }] of tail.kept.entries())
          feeds[name] = { data: inputs[i], dims: dims.get(name)! }
        feeds[targets] = { data, dims: [microBatch, o.classes] }
        const usedFeeds = Object.fromEntries(Object.entries(feeds).filter(([name]) => graphInputs.has(name)))
        const answers = await graph.run(usedFeeds)
        for (const { name, gradient } of parameters) {
          const found = answers.get(step.gradients.get(name)!)!.data
          for (let i = 0; i < found.length; i++) gradient[i] += found[i]
        }
        return answers.get(step.logits)!.data
      },
      writeGradients: (factor) => {
        for (const { gradient } of parameters) for (let i = 0; i < gradient.length; i++) gradient[i] *= factor
      },
      release: () => graph.release(),
    }
  }
}
