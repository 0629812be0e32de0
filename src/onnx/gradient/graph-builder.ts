import { SoftmarginError, show } from '../../core/errors.ts'
import { numbersOf } from '../graph/attributes.ts'
import { topologicalOrder } from '../graph/graph.ts'
import { type AttributeValue, constant, node, tensorInfo } from '../graph/nodes.ts'
import { operatorSetOf } from '../graph/operator-set.ts'
import { tensorNames } from '../graph/rename.ts'
import { create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../proto/onnx.ts'
import { inferTensors } from '../shapes/infer.ts'
import { typeOf } from '../shapes/infer-graph.ts'
import { shapesOf } from '../shapes/infer-shapes.ts'
import { valuesOf } from '../shapes/infer-values.ts'
import type { TensorInfo } from '../shapes/tensor-info.ts'

/** Name of a tensor of the graph under construction. */
export type Tensor = string

/** An operand: a tensor, or a number that becomes a constant. */
export type Operand = Tensor | number

type Attributes = Record<string, AttributeValue>

/** The lowest operator set whose operators a builder can write. */
const MIN_OPSET = 11
/** Constants of at most this many numbers are shared, and take part in shape inference. */
const MAX_SHARED_LENGTH = 64

/** Type of floats. */
type FloatType = typeof DataType.FLOAT | typeof DataType.DOUBLE

/**
 * A graph that grows by one operator at a time, in which every tensor has a known shape. Each method appends nodes
 * and returns the name of their result. Short constants of equal content are shared.
 */
export class GraphBuilder {
  /** The nodes so far, in topological order. */
  readonly nodes: NodeProto[]
  /** Version of the operator set `ai.onnx`. */
  readonly opset: number
  readonly #model: ModelProto
  readonly #inputs: ValueInfoProto[]
  readonly #initializers: Map<string, TensorProto>
  readonly #facts: Map<string, TensorInfo>
  readonly #names: Set<string>
  readonly #constants = new Map<string, Tensor>()
  readonly #type: FloatType
  #count = 0

  /**
   * @param model model to extend; it is not modified
   * @param inputs sizes of the model's inputs, all of them known
   * @param type type of the constants that are added: that of the model's activations
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for an operator set below 11
   */
  constructor(model: ModelProto, inputs: Record<string, number[]>, type: FloatType = DataType.FLOAT) {
    this.#model = model
    this.#inputs = [...model.graph!.input]
    this.#type = type
    this.opset = operatorSetOf(model)
    if (this.opset < MIN_OPSET) {
      const expected = `a model of operator set ${MIN_OPSET} or newer`
      const message = `a model of operator set ${this.opset} cannot be trained: it must be ${expected}`
      throw new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'model', expected })
    }
    // A model whose graph has a cycle was refused when it was read.
    this.nodes = [...topologicalOrder(model.graph!)!]
    this.#initializers = new Map(model.graph!.initializer.map((tensor) => [tensor.name, tensor]))
    this.#facts = inferTensors(model, inputs)
    this.#names = tensorNames(model.graph!)
  }

  /**
   * The sizes of a tensor.
   *
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if they cannot be inferred
   */
  dims(tensor: Tensor): number[] {
    const dims = this.#facts.get(tensor)?.dims
    if (dims?.every((size) => size !== undefined)) return dims as number[]
    const expected = 'a tensor whose sizes follow from those of the input'
    const message = `the sizes of tensor ${show(tensor)} are unknown before the network runs, so that it cannot be trained`
    throw new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'model', received: tensor, expected })
  }

  /** Number of dimensions of a tensor. */
  rank(tensor: Tensor): number {
    return this.dims(tensor).length
  }

  /** The element type of a tensor, if known. */
  type(tensor: Tensor): DataType | undefined {
    return this.#facts.get(tensor)?.type
  }

  /** The values of a constant of integers, or of floats of the model; `undefined` if it is not constant. */
  values(tensor: Tensor): number[] | undefined {
    const stored = this.#initializers.get(tensor)
    if (stored) return numbersOf(stored)
    const values = this.#facts.get(tensor)?.values
    return values?.every((value) => value !== undefined) ? (values as number[]) : undefined
  }

  /** Declares an input of the graph. */
  input(wanted: string, dims: number[]): Tensor {
    const name = this.#name(wanted)
    this.#facts.set(name, { type: this.#type, dims })
    this.#inputs.push(tensorInfo(name, this.#type, dims))
    return name
  }

  /** Appends an operator with one output. */
  emit(op: string, inputs: Operand[], attributes: Attributes = {}): Tensor {
    return this.emitNamed(this.#name(`gradient/${op}_${this.#count++}`), op, inputs, attributes)
  }

  /** As `emit`, with a name for the output, which must not be taken. */
  emitNamed(output: Tensor, op: string, inputs: Operand[], attributes: Attributes = {}): Tensor {
    const names = inputs.map((input) => (typeof input === 'number' ? this.scalar(input) : input))
    const made = node(output, op, names, [output], attributes)
    const facts = names.map((name) => this.#facts.get(name) ?? {})
    this.#facts.set(output, {
      type: typeOf(made, facts, 0),
      dims: shapesOf(made, facts)[0],
      values: valuesOf(made, facts),
    })
    this.nodes.push(made)
    return output
  }

  /** A constant of one number. */
  scalar(value: number): Tensor {
    return this.floats([value], [])
  }

  /** A constant of the type of the activations. */
  floats(values: ArrayLike<number>, dims: number[] = [values.length]): Tensor {
    const data = this.#type === DataType.DOUBLE ? Float64Array.from(values) : Float32Array.from(values)
    return this.#constant(`f${dims}:${data.length > MAX_SHARED_LENGTH ? this.#count++ : data}`, data, dims)
  }

  /** A constant list of int64. */
  ints(values: readonly number[]): Tensor {
    return this.#constant(`i:${values}`, BigInt64Array.from(values, BigInt), [values.length])
  }

  #constant(key: string, data: Float32Array | Float64Array | BigInt64Array, dims: number[]): Tensor {
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const name = this.#name(`gradient/constant_${this.#constants.size}`)
    const tensor = constant(name, data, dims)
    const values = data.length <= MAX_SHARED_LENGTH ? Array.from(data, Number) : undefined
    this.#facts.set(name, { type: tensor.dataType, dims, values })
    this.#initializers.set(name, tensor)
    this.#constants.set(key, name)
    return name
  }

  #name(wanted: string): string {
    let name = wanted
    while (this.#names.has(name)) name += '_'
    this.#names.add(name)
    return name
  }

  add(a: Operand, b: Operand): Tensor {
    return this.emit('Add', [a, b])
  }

  sub(a: Operand, b: Operand): Tensor {
    return this.emit('Sub', [a, b])
  }

  mul(a: Operand, b: Operand): Tensor {
    return this.emit('Mul', [a, b])
  }

  div(a: Operand, b: Operand): Tensor {
    return this.emit('Div', [a, b])
  }

  matMul(a: Tensor, b: Tensor): Tensor {
    return this.emit('MatMul', [a, b])
  }

  greater(a: Operand, b: Operand): Tensor {
    return this.emit('Greater', [a, b])
  }

  less(a: Operand, b: Operand): Tensor {
    return this.emit('Less', [a, b])
  }

  /** `values` where the condition holds, 0 elsewhere. */
  mask(condition: Tensor, values: Tensor): Tensor {
    return this.mul(values, this.emit('Cast', [condition], { to: BigInt(this.#type) }))
  }

  /** `yes` where the condition holds, `no` elsewhere. */
  where(condition: Tensor, yes: Operand, no: Operand): Tensor {
    return this.emit('Where', [condition, yes, no])
  }

  /** The sum over some axes, which stay as axes of size 1. */
  sum(x: Tensor, axes: number[]): Tensor {
    if (axes.length === 0) return x
    // Since operator set 13 the axes are an input.
    if (this.opset < 13) return this.emit('ReduceSum', [x], { axes: axes.map(BigInt), keepdims: 1n })
    return this.emit('ReduceSum', [x, this.ints(axes)], { keepdims: 1n })
  }

  /** The mean over some axes, which stay as axes of size 1. */
  mean(x: Tensor, axes: number[]): Tensor {
    const dims = this.dims(x)
    const count = axes.reduce((all, axis) => all * dims[axis], 1)
    return this.mul(this.sum(x, axes), 1 / count)
  }

  reshape(x: Tensor, dims: readonly number[]): Tensor {
    return isSameShape(this.dims(x), dims) ? x : this.emit('Reshape', [x, this.ints(dims)])
  }

  expand(x: Tensor, dims: readonly number[]): Tensor {
    return isSameShape(this.dims(x), dims) ? x : this.emit('Expand', [x, this.ints(dims)])
  }

  transpose(x: Tensor, perm: number[]): Tensor {
    if (perm.every((axis, i) => axis === i)) return x
    return this.emit('Transpose', [x], { perm: perm.map(BigInt) })
  }

  /** Elements `starts` to `ends`, exclusive, along some axes, every `steps`-th of them. */
  slice(x: Tensor, axes: number[], starts: number[], ends: number[], steps?: number[]): Tensor {
    const dims = this.dims(x)
    const isWhole = axes.every(
      (axis, i) => starts[i] === 0 && ends[i] === dims[axis] && (steps?.[i] ?? 1) === 1,
    )
    if (isWhole) return x
    const inputs = [x, this.ints(starts), this.ints(ends), this.ints(axes)]
    return this.emit('Slice', steps ? [...inputs, this.ints(steps)] : inputs)
  }

  /** Adds zeros, or another number, before and after along every axis. */
  pad(x: Tensor, before: number[], after: number[], value = 0): Tensor {
    if ([...before, ...after].every((n) => n === 0)) return x
    return this.emit('Pad', [x, this.ints([...before, ...after]), this.scalar(value)])
  }

  concat(parts: Tensor[], axis: number): Tensor {
    return parts.length === 1 ? parts[0] : this.emit('Concat', parts, { axis: BigInt(axis) })
  }

  zeros(dims: number[]): Tensor {
    return this.expand(this.scalar(0), dims)
  }

  /**
   * Sums a tensor over the axes along which it was broadcast: the reverse of broadcasting, as PyTorch's `sum_to_size`.
   *
   * @param dims the sizes from which it was broadcast
   */
  sumToShape(x: Tensor, dims: readonly number[]): Tensor {
    const have = this.dims(x)
    if (isSameShape(have, dims)) return x
    const added = have.length - dims.length
    const axes = [...have.keys()].filter((i) => i < added || (dims[i - added] === 1 && have[i] !== 1))
    return this.reshape(this.sum(x, axes), dims)
  }

  /**
   * The model with the given outputs, without the nodes, constants and inputs that these do not need.
   *
   * @param parameters names of initializers that become inputs
   */
  build(outputs: Tensor[], parameters: readonly string[]): ModelProto {
    const needed = new Set(outputs)
    const nodes: NodeProto[] = []
    for (const one of this.nodes.toReversed()) {
      if (!one.output.some((name) => needed.has(name))) continue
      nodes.push(one)
      for (const name of one.input) needed.add(name)
    }
    const parameterNames = new Set(parameters)
    const info = (name: string) =>
      tensorInfo(name, this.#facts.get(name)?.type ?? this.#type, this.dims(name))
    const { graph } = this.#model
    return create(ModelProtoSchema, {
      ...this.#model,
      graph: create(GraphProtoSchema, {
        name: graph!.name,
        node: nodes.reverse(),
        initializer: [...this.#initializers.values()].filter(
          ({ name }) => needed.has(name) && !parameterNames.has(name),
        ),
        input: [
          ...this.#inputs.filter(({ name }) => needed.has(name) && !this.#initializers.has(name)),
          ...parameters,
        ].map((one) => info(typeof one === 'string' ? one : one.name)),
        output: outputs.map(info),
      }),
    })
  }
}

function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i])
}
