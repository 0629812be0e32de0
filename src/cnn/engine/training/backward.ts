import { show } from '../../../core/errors.ts'
import { single } from '../lowering/lower-windows.ts'
import { NotForEngine } from '../lowering/not-for-engine.ts'
import {
  ActivationKind,
  type Binary,
  BinaryKind,
  type Concatenation,
  type Convolution,
  type Copy,
  lengthOf,
  linear,
  type MapShape,
  type MapValue,
  type Operation,
  readsOf,
} from '../lowering/operations.ts'
import type { PlannedOperation } from '../planning/step.ts'
import { activationGradient } from './activation-gradient.ts'
import { inputGradient } from './input-gradient.ts'
import { normalizationGradient } from './normalization-gradient.ts'
import { poolingGradient } from './pooling-gradient.ts'
import { type WeightGradient, weightGradient } from './weight-gradient.ts'

/** The operations of a backward pass. */
export interface BackwardPass {
  operations: PlannedOperation[]
  /** Those that compute the gradients of weights. */
  weights: WeightGradient[]
}

/**
 * The backward pass of some operations, in reverse, with a rule for each type of operation.
 *
 * @param result the map whose gradient is known
 * @throws {NotForEngine} naming an operation that a gradient cannot pass
 */
export function backwardPass(operations: Operation[], result: MapValue, gradient: MapValue): BackwardPass {
  const pass = new Pass(operations)
  pass.add(result, gradient)
  for (const operation of operations.toReversed()) pass.through(operation)
  return pass
}

class Pass implements BackwardPass {
  readonly operations: PlannedOperation[] = []
  readonly weights: WeightGradient[] = []
  readonly #gradients = new Map<MapValue, MapValue>()
  /** The maps that depend on parameters. */
  readonly #needsGradient = new Set<MapValue>()

  constructor(forward: Operation[]) {
    for (const operation of forward) {
      const isTrained = operation.type === 'convolution' && operation.trainable !== undefined
      if (isTrained || readsOf(operation).some((value) => this.#needsGradient.has(value))) {
        this.#needsGradient.add(operation.output)
      }
    }
  }

  /** Adds to the gradient of a map. */
  add(value: MapValue, gradient: MapValue): void {
    const known = this.#gradients.get(value)
    this.#gradients.set(value, known ? this.#binary('gradients', BinaryKind.add, known, gradient) : gradient)
  }

  /** Appends the backward pass of one operation. */
  through(operation: Operation): void {
    const { output } = operation
    const gradient = this.#gradients.get(output)
    if (!gradient || !this.#needsGradient.has(output)) return
    const dy = this.#beforeActivation(operation, gradient)
    switch (operation.type) {
      case 'convolution':
        this.#convolution(operation, dy)
        break
      case 'pooling':
        this.#propagate(operation.input, () => this.#push(poolingGradient(operation, dy)))
        break
      case 'binary':
        this.#binaryRule(operation, dy)
        break
      case 'unary':
        this.#propagate(operation.input, () => dy)
        break
      case 'concatenation':
        this.#concatenation(operation, dy)
        break
      case 'copy':
        this.#copy(operation, dy)
        break
      case 'layer-normalization':
      case 'softmax':
        this.#propagate(operation.input, () => this.#push(normalizationGradient(operation, dy)))
        break
      case 'resize':
        this.#propagate(operation.input, () => {
          throw withoutGradient(operation.name)
        })
    }
  }

  /** Computes the gradient of a map with `make` and adds it, if the map depends on parameters. */
  #propagate(value: MapValue, make: () => MapValue): void {
    if (this.#needsGradient.has(value)) this.add(value, make())
  }

  #push(operation: PlannedOperation & { output: MapValue }): MapValue {
    this.operations.push(operation)
    return operation.output
  }

  #beforeActivation(operation: Operation, dy: MapValue): MapValue {
    const { activation, output, name } = operation
    const { kind, low, high } = activation
    if (kind === ActivationKind.none && low === -Infinity && high === Infinity) return dy
    const x = operation.type === 'unary' ? operation.input : undefined
    return this.#push(activationGradient(name, activation, x, output, dy))
  }

  #convolution(operation: Convolution, dy: MapValue): void {
    const { input, residual, trainable } = operation
    if (residual) this.#propagate(residual, () => dy)
    if (trainable) {
      const weights = weightGradient(operation, dy)
      this.weights.push(weights)
      this.operations.push(weights)
    }
    if (!this.#needsGradient.has(input)) return
    // The convolution also adds the gradient from the map's other readers so far.
    const operations = inputGradient(operation, dy, this.#gradients.get(input))
    this.operations.push(...operations)
    this.#gradients.set(input, operations.at(-1)!.output!)
  }

  #binaryRule(operation: Binary, dy: MapValue): void {
    const { name, kind, left, right } = operation
    switch (kind) {
      case BinaryKind.add:
        this.#propagate(left, () => this.#sumTo(name, dy, left.shape))
        this.#propagate(right, () => this.#sumTo(name, dy, right.shape))
        break
      case BinaryKind.subtract:
        this.#propagate(left, () => this.#sumTo(name, dy, left.shape))
        this.#propagate(right, () => this.#scaled(name, this.#sumTo(name, dy, right.shape), -1))
        break
      case BinaryKind.multiply: {
        const times = (other: MapValue) => this.#binary(name, BinaryKind.multiply, dy, other)
        this.#propagate(left, () => this.#sumTo(name, times(right), left.shape))
        this.#propagate(right, () => this.#sumTo(name, times(left), right.shape))
        break
      }
      default:
        throw withoutGradient(name)
    }
  }

  /** Sums a map over the axes along which another one was broadcast to its shape. */
  #sumTo(name: string, value: MapValue, shape: MapShape): MapValue {
    const { channels, height, width } = value.shape
    if (shape.channels === channels && shape.height === height && shape.width === width) return value
    if (shape.channels !== channels || shape.height * shape.width !== 1) {
      throw new NotForEngine(`the operator ${show(name)} broadcasts over channels, which has no gradient`)
    }
    const mean = this.#push({
      ...single,
      type: 'pooling',
      name: `gradient of ${name}`,
      input: value,
      output: { shape },
      kernel: [height, width],
      isMax: false,
      countsPadding: false,
      activation: linear,
    })
    return this.#scaled(name, mean, height * width)
  }

  #scaled(name: string, input: MapValue, factor: number): MapValue {
    return this.#push({
      type: 'unary',
      name: `gradient of ${name}`,
      input,
      output: { shape: input.shape },
      activation: { ...linear, kind: ActivationKind.affine, a: factor, b: 0 },
    })
  }

  #binary(name: string, kind: number, left: MapValue, right: MapValue): MapValue {
    const output: MapValue = { shape: left.shape }
    return this.#push({ type: 'binary', name, kind, left, right, output, activation: linear })
  }

  #concatenation({ name, inputs }: Concatenation, dy: MapValue): void {
    let channel = 0
    for (const input of inputs) {
      const from = { y: 0, x: 0, channel }
      this.#propagate(input, () => this.#copied(name, dy, input.shape, from))
      channel += input.shape.channels
    }
  }

  /** The gradient of a crop is a padding with zeros, and that of a padding a crop. */
  #copy({ name, input, output, from, step }: Copy, dy: MapValue): void {
    const isWhole = input.shape.channels === output.shape.channels && step.y === 1 && step.x === 1
    if (!isWhole) throw withoutGradient(name)
    this.#propagate(input, () => this.#copied(name, dy, input.shape, { y: -from.y, x: -from.x, channel: 0 }))
  }

  #copied(name: string, input: MapValue, shape: MapShape, from: Copy['from']): MapValue {
    if (lengthOf(shape) === lengthOf(input.shape)) return input
    const output: MapValue = { shape }
    const made: Copy = {
      type: 'copy',
      name: `gradient of ${name}`,
      input,
      output,
      from,
      step: { y: 1, x: 1 },
      fill: 0,
      activation: linear,
    }
    return this.#push(made)
  }
}

function withoutGradient(name: string): NotForEngine {
  return new NotForEngine(`the operator ${show(name)} has no gradient`)
}
