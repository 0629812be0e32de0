import { BinaryKind, lengthOf, linear, type MapValue, type Program } from '../lowering/operations.ts'
import { makePlan, type Plan } from '../planning/plan.ts'
import type { CustomOperation, PlannedOperation, Port } from '../planning/step.ts'
import { loadRareSteps } from '../planning/steps/steps.ts'
import { everyPixel } from '../planning/tables.ts'
import { putMaps, takeMaps } from '../transfer.ts'
import type { Simd } from '../wasm/cnn-module.ts'
import { type Instance, readKernelConstants } from '../wasm/instance.ts'
import { backwardPass } from './backward.ts'
import { type ClassifierSource, lowerClassifier } from './lower-classifier.ts'
import type { WeightGradient } from './weight-gradient.ts'

/** Memory for the maps of one pass, in bytes. */
const MAP_BYTES = 2 ** 24
/** Large weights are worth passes of some more images, since their gradients are added up once a pass. */
const GOOD_PICTURES = 8
const MOST_MAP_BYTES = 2 ** 28

/**
 * Most images of a slice, whose gradients are computed together, in one pass or in several. The gradients of the slices
 * of a batch are then added in order, so that they do not depend on the number of threads.
 */
export const SLICE_PICTURES = 8

/** The forward and the backward pass of a classifier, planned for one thread. */
export interface TrainingPlan {
  plan: Plan
  /** Of the inputs, then of the targets. */
  ports: Port[]
  weights: WeightGradient[]
  program: Program<PlannedOperation>
}

/** Images of a slice. */
export interface Slice {
  /** Values of the classifier's inputs, [count, ...]. */
  inputs: readonly Float32Array[]
  /** [count, classes]; they add up to 1 for each image. */
  targets: Float32Array
  count: number
}

/**
 * Plans the forward and the backward pass of a classifier with a softmax cross-entropy.
 *
 * @param at where the thread's sums and buffers begin. Default: behind the weights and tables
 * @throws {NotForEngine} if the engine cannot train the classifier
 */
export async function planTraining(source: ClassifierSource, simd: Simd, at?: number): Promise<TrainingPlan> {
  const { operations: forward, inputs, outputs, logits } = await lowerClassifier(source)
  const facts = await readKernelConstants(simd)
  const ports: Port[] = []
  const targets: MapValue = { shape: logits.shape }
  const probabilities: MapValue = { shape: logits.shape }
  const gradient: MapValue = { shape: logits.shape }
  const name = 'softmax cross-entropy'
  const { operations: backward, weights } = backwardPass(forward, logits, gradient)
  const [input, ...others] = inputs
  const operations: PlannedOperation[] = [
    ...others.map((value, i) => given('input', value, (port) => (ports[i + 1] = port))),
    given('targets', targets, (port) => (ports[inputs.length] = port)),
    ...forward,
    { type: 'softmax', name, input: logits, output: probabilities, activation: linear },
    {
      type: 'binary',
      name,
      kind: BinaryKind.subtract,
      left: probabilities,
      right: targets,
      output: gradient,
      activation: linear,
    },
    ...backward,
  ]
  const program = { operations, input, outputs }
  const rare = await loadRareSteps(program, facts)
  const bytes = (pictures: number) => makePlan(program, { facts, rare, pictures }).bytes
  const each = Math.max(1, bytes(2) - bytes(1))
  const fitting = Math.max(MAP_BYTES / each, Math.min(GOOD_PICTURES, MOST_MAP_BYTES / each))
  const most = Math.min(SLICE_PICTURES, source.inputs[0].dims[0])
  const pictures = Math.max(1, Math.min(most, Math.floor(fitting)))
  const plan = makePlan(program, { facts, rare, pictures, buffersAt: at })
  ports[0] = plan.input
  return { plan, ports, weights, program }
}

/** A map that is written from outside. @param take called with its place */
function given(name: string, output: MapValue, take: (port: Port) => void): CustomOperation {
  return {
    type: 'custom',
    name,
    reads: [],
    output,
    isGiven: true,
    addSteps: ({ map, tables }) => {
      const placed = map(output)
      take({ map: placed, pixels: tables.pixels(placed.layout, everyPixel(output.shape)) })
    },
  }
}

/**
 * Packs the values of the parameters. What the memory for staging holds is lost.
 *
 * @param share from where to where in the bytes of all packed weights: only regions are written that begin there. Default: all
 * @param staging address of the memory that `MemoryPlan.stage` asks for. Default: behind the weights and tables
 */
export function packWeights(
  { plan, program }: TrainingPlan,
  { memory, kernels }: Instance,
  share = { from: 0, to: 1 },
  staging = plan.fixedBytes,
): void {
  for (const one of program.operations) {
    if (one.type === 'convolution') one.trainable?.refresh()
  }
  const all = plan.mutable.reduce((sum, { bytes }) => sum + bytes, 0)
  let start = 0
  for (const { address, bytes, write } of plan.mutable) {
    if (start >= share.from * all && start < share.to * all) write(memory, address, staging, kernels)
    start += bytes
  }
}

/**
 * Computes the gradients of the loss of some images, sum(-targets * log softmax(logits)), into the plan's sums.
 *
 * @returns the logits [count, classes]
 */
export function runSlice(
  { plan, ports }: TrainingPlan,
  instance: Instance,
  { inputs, targets, count }: Slice,
): Float32Array {
  const [output] = plan.outputs
  const classes = lengthOf(output.map.layout.shape)
  const logits = new Float32Array(count * classes)
  const all = [...inputs, targets]
  new Uint8Array(instance.memory, plan.sums.address, plan.sums.bytes).fill(0)
  for (let from = 0; from < count; from += plan.pictures) {
    const pictures = Math.min(plan.pictures, count - from)
    for (const [i, port] of ports.entries()) {
      const length = lengthOf(port.map.layout.shape)
      const maps = all[i].subarray(from * length, (from + pictures) * length)
      putMaps(instance, plan.planes.address, port, maps)
    }
    for (const step of plan.steps) step.run(instance.kernels, pictures)
    const found = logits.subarray(from * classes, (from + pictures) * classes)
    takeMaps(instance, plan.planes.address, output, found)
  }
  return logits
}
