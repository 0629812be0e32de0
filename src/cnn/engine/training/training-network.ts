import { BinaryKind, lengthOf, linear, type MapValue, type Program } from '../lowering/operations.ts'
import { makePlan, type Plan } from '../planning/plan.ts'
import type { CustomOperation, PlannedOperation } from '../planning/step.ts'
import { everyPixel } from '../planning/tables.ts'
import { type Port, putMaps, takeMaps } from '../transfer.ts'
import type { Simd } from '../wasm/cnn-module.ts'
import { type Instance, instantiate, readKernelConstants } from '../wasm/instance.ts'
import { backwardPass } from './backward.ts'
import { type ClassifierSource, lowerClassifier } from './lower-classifier.ts'
import type { WeightGradient } from './weight-gradient.ts'

/** Memory for the maps of one pass, in bytes, and the most images of one. */
const MAP_BYTES = 2 ** 24
const MOST_PICTURES = 32
/** Large weights are worth passes of some more images, since their gradients are added up once a pass. */
const GOOD_PICTURES = 8
const MOST_MAP_BYTES = 2 ** 28

/**
 * The step of a training in the engine: the forward and the backward pass of a classifier with a softmax cross-entropy.
 *
 * A batch is run in passes of a few images; the gradients of weights are summed over the passes.
 */
export class TrainingNetwork {
  readonly #plan: Plan
  readonly #instance: Instance
  readonly #ports: Port[]
  readonly #weights: WeightGradient[]
  readonly #program: Compiled['program']

  private constructor({ plan, ports, weights, program }: Compiled, instance: Instance) {
    this.#plan = plan
    this.#instance = instance
    this.#ports = ports
    this.#weights = weights
    this.#program = program
  }

  /**
   * @throws {NotForEngine} if the engine cannot train the classifier
   * @throws {SoftmarginError} `OUT_OF_MEMORY`, `HOST_UNSUPPORTED`, `MODEL_UNREADABLE`
   */
  static async create(source: ClassifierSource, simd: Simd = 'strict'): Promise<TrainingNetwork> {
    const compiled = await compile(source, simd)
    const { plan } = compiled
    const instance = await instantiate(Math.max(plan.bytes, plan.writingBytes), simd)
    plan.write(instance)
    return new TrainingNetwork(compiled, instance)
  }

  /** Number of classes. */
  get classes(): number {
    return lengthOf(this.#plan.outputs[0].map.layout.shape)
  }

  /** WebAssembly memory in use, in bytes. */
  get bytes(): number {
    return this.#instance.memory.byteLength
  }

  /** Reads the parameters, and sets the gradients of a batch to zero. */
  begin(): void {
    for (const one of this.#program.operations) {
      if (one.type === 'convolution') one.trainable?.refresh()
    }
    this.#plan.rewrite(this.#instance)
    for (const one of this.#weights) one.clear(this.#instance.memory)
  }

  /**
   * Adds the gradients of the loss of some images, sum(-targets * log softmax(logits)).
   *
   * @param inputs values of the classifier's inputs, [count, ...]
   * @param targets [count, classes]; they add up to 1 for each image
   * @param clock as for `EngineNetwork.run`
   * @returns the logits [count, classes]
   */
  run(
    inputs: readonly Float32Array[],
    targets: Float32Array,
    count: number,
    clock?: (step: Plan['steps'][number], pictures: number, milliseconds: number) => void,
  ): Float32Array {
    const plan = this.#plan
    const { kernels } = this.#instance
    const [output] = plan.outputs
    const { classes } = this
    const logits = new Float32Array(count * classes)
    const all = [...inputs, targets]
    for (let from = 0; from < count; from += plan.pictures) {
      const pictures = Math.min(plan.pictures, count - from)
      for (const [i, port] of this.#ports.entries()) {
        const length = lengthOf(port.map.layout.shape)
        const maps = all[i].subarray(from * length, (from + pictures) * length)
        putMaps(this.#instance, plan.planes.address, port, maps)
      }
      for (const step of plan.steps) {
        const begun = clock ? performance.now() : 0
        step.run(kernels, pictures)
        clock?.(step, pictures, performance.now() - begun)
      }
      const found = logits.subarray(from * classes, (from + pictures) * classes)
      takeMaps(this.#instance, plan.planes.address, output, found)
    }
    return logits
  }

  /** Adds the gradients since `begin`, times a factor, to those of the parameters. */
  end(factor: number): void {
    for (const one of this.#weights) one.collect(this.#instance, this.#plan.fixedBytes, factor)
  }
}

interface Compiled {
  plan: Plan
  /** Of the inputs, then of the targets. */
  ports: Port[]
  weights: WeightGradient[]
  program: Program<PlannedOperation>
}

async function compile(source: ClassifierSource, simd: Simd): Promise<Compiled> {
  const { operations: forward, inputs, outputs, logits } = lowerClassifier(source)
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
  const bytes = (pictures: number) => makePlan(program, { facts, pictures }).bytes
  const each = Math.max(1, bytes(2) - bytes(1))
  const fitting = Math.max(MAP_BYTES / each, Math.min(GOOD_PICTURES, MOST_MAP_BYTES / each))
  const most = Math.min(MOST_PICTURES, source.inputs[0].dims[0])
  const pictures = Math.max(1, Math.min(most, Math.floor(fitting)))
  const plan = makePlan(program, { facts, pictures })
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
