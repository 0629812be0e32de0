import { show } from '../../../core/errors.ts'
import { operatorSetOf } from '../../../onnx/graph/operator-set.ts'
import type { ModelProto, NodeProto } from '../../../onnx/proto/onnx.ts'
import type { TensorInfo } from '../../../onnx/shapes/tensor-info.ts'
import { type Constant, constantOf } from './constants.ts'
import { NotForEngine } from './not-for-engine.ts'
import { linear, type MapShape, type MapValue, type Operation } from './operations.ts'

/**
 * ONNX view of a map, whose memory layout is the same for all views: 'first' is [N, channels, height, width],
 * 'last' is [N, height, width, channels], and 'flat' is [N, channels * height * width] in the order of
 * 'first'.
 */
export type View = 'first' | 'last' | 'flat'

/** A tensor of the graph that is computed from the image. */
export interface Tensor {
  value: MapValue
  view: View
}

/**
 * An operation added while lowering a node; its name, output and default activation are filled in by
 * `append`.
 */
type Draft = Operation extends infer O
  ? O extends Operation
    ? Omit<O, 'name' | 'output' | 'activation'> & { activation?: Operation['activation'] }
    : never
  : never

/** Lowers a node of one operator. @throws {NotForEngine} for uses of the operator that the engine does not support */
export type Lower = (lowering: Lowering, node: NodeProto) => void

/** State of lowering a graph, used by the lowering function of each operator. */
export class Lowering {
  readonly operations: Operation[] = []
  readonly opset: number
  readonly #facts: Map<string, TensorInfo>
  readonly #tensors = new Map<string, Tensor>()
  readonly #constants = new Map<string, Constant>()
  /** Integer tensors, of which only the values inferred by `inferTensors` matter. */
  readonly #integers = new Set<string>()
  readonly #batch: number

  constructor(model: ModelProto, facts: Map<string, TensorInfo>, batch: number) {
    this.#facts = facts
    this.#batch = batch
    this.opset = operatorSetOf(model)
    for (const tensor of model.graph!.initializer) {
      if (isNotFloat(tensor.dataType)) this.#integers.add(tensor.name)
      else this.#constants.set(tensor.name, constantOf(tensor))
    }
  }

  /** Dimensions of a tensor of the graph, batch first. @throws {NotForEngine} if one is unknown */
  dims(name: string): number[] {
    const dims = this.#facts.get(name)?.dims
    if (!dims || dims.some((size) => size === undefined || !(size >= 0))) {
      throw new NotForEngine(`the shape of ${show(name)} is only known at run time`)
    }
    return dims as number[]
  }

  /** Dimensions, without the batch, of a tensor that holds one map per image. */
  mapDims(name: string): number[] {
    const [batch, ...dims] = this.dims(name)
    if (batch !== this.#batch) throw new NotForEngine(`the first axis of ${show(name)} is not the batch`)
    return dims
  }

  /** Values of an integer input. @throws {NotForEngine} if they are unknown */
  integers(name: string): number[] {
    const values = this.#facts.get(name)?.values
    if (!values || values.some((value) => value === undefined)) {
      throw new NotForEngine(`the values of ${show(name)} are only known at run time`)
    }
    return values as number[]
  }

  isInteger(name: string): boolean {
    return this.#integers.has(name)
  }

  /** A tensor that is computed from the image. @throws {NotForEngine} for any other tensor */
  tensor(name: string): Tensor {
    const tensor = this.#tensors.get(name)
    if (!tensor) throw new NotForEngine(`${show(name)} does not depend on the image alone`)
    return tensor
  }

  isTensor(name: string): boolean {
    return this.#tensors.has(name)
  }

  /** A float constant; `undefined` for an omitted optional input. */
  constant(name: string | undefined): Constant | undefined {
    return name ? this.#constants.get(name) : undefined
  }

  /** A required float constant. @throws {NotForEngine} if the tensor is not constant */
  weights(name: string): Constant {
    const constant = this.constant(name)
    if (!constant) throw new NotForEngine(`${show(name)} is not a constant`)
    return constant
  }

  /** Value of a scalar input, or `fallback` if the input is omitted. */
  scalar(name: string | undefined, fallback: number): number {
    if (!name) return fallback
    const numbers = this.weights(name).read()
    if (numbers.length !== 1) throw new NotForEngine(`${show(name)} is not a scalar`)
    return numbers[0]
  }

  /** Registers a name for a constant or tensor. */
  name(name: string, what: Constant | Tensor | 'integers'): void {
    if (what === 'integers') this.#integers.add(name)
    else if ('read' in what) this.#constants.set(name, what)
    else this.#tensors.set(name, what)
  }

  /**
   * Adds an operation that computes the first output of `node`.
   *
   * @param shape output shape for one image
   * @param view view of the output; it must match the inferred dimensions
   */
  add(node: NodeProto, shape: MapShape, view: View, draft: Draft): void {
    const name = node.output[0]
    this.name(name, { value: this.append(node, shape, draft), view })
    const told = this.mapDims(name).join()
    const made = dimsOf(shape, view).join()
    if (told !== made)
      throw new NotForEngine(
        `the file declares the shape [${told}] for ${show(name)}, but its operators give [${made}]`,
      )
  }

  /** Like `add`, without registering a name for the result. */
  append(node: NodeProto, shape: MapShape, draft: Draft): MapValue {
    const sizes = [shape.channels, shape.height, shape.width]
    if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0)) {
      throw new NotForEngine(`${show(node.output[0])} has the invalid size ${sizes.join(' x ')}`)
    }
    const output: MapValue = { shape }
    const operation = { activation: linear, ...draft, name: node.name || node.output[0], output }
    this.operations.push(operation as Operation)
    return output
  }
}

/** The ONNX dimensions of a map in a view, without the batch. */
export function dimsOf({ channels, height, width }: MapShape, view: View): number[] {
  if (view === 'first') return [channels, height, width]
  return view === 'last' ? [height, width, channels] : [channels * height * width]
}

/**
 * Whether a tensor type is known and is none of float, float16, bfloat16 and double: in practice an integer or boolean type, as
 * used for shapes and indexes.
 */
export function isNotFloat(type: number | undefined): boolean {
  return type !== undefined && type !== 0 && ![1, 10, 11, 16].includes(type)
}
