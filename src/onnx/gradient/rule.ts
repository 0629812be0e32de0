import { attributeOf, integerOf, integersOf, textOf } from '../graph/attributes.ts'
import type { NodeProto } from '../proto/onnx.ts'
import { axesOf, axisOf } from '../shapes/infer-limits.ts'
import type { GraphBuilder, Tensor } from './graph-builder.ts'

/**
 * How the gradient of the loss passes an operator: from the gradients of the operator's outputs to those of its
 * inputs, in order; `undefined` for an input that has none. A gradient may have the sizes to which its input
 * was broadcast: it is summed afterwards. Nodes whose results are not used are removed.
 */
export type Rule = (g: GraphBuilder, op: Operation) => (Tensor | undefined)[]

/** Rules by operator. */
export type Rules = Record<string, Rule>

/** A node of the forward pass with the gradients of its outputs, which is passed to a rule. */
export class Operation {
  readonly node: NodeProto
  /** The gradients of the outputs; `undefined` for outputs that the loss does not depend on. */
  readonly dys: (Tensor | undefined)[]
  readonly #g: GraphBuilder

  constructor(g: GraphBuilder, node: NodeProto, dys: (Tensor | undefined)[]) {
    this.#g = g
    this.node = node
    this.dys = dys
  }

  /** The first input. */
  get x(): Tensor {
    return this.node.input[0]
  }

  /** The first output. */
  get y(): Tensor {
    return this.node.output[0]
  }

  /** The gradient of the first output. */
  get dy(): Tensor {
    return this.dys[0] ?? this.#g.zeros(this.#g.dims(this.y))
  }

  /** The name of an input; `undefined` if it is left out. */
  input(i: number): Tensor | undefined {
    return this.node.input[i] || undefined
  }

  integer(name: string, fallback: number): number {
    return integerOf(this.node, name, fallback)
  }

  integers(name: string): number[] | undefined {
    return integersOf(this.node, name)
  }

  float(name: string, fallback: number): number {
    return attributeOf(this.node, name)?.f ?? fallback
  }

  text(name: string, fallback: string): string {
    return textOf(this.node, name, fallback)
  }

  /** Values of a constant that is an input of newer operator sets and an attribute of older ones. */
  constant(i: number, attribute?: string): number[] | undefined {
    const name = this.input(i)
    if (name !== undefined) return this.#g.values(name)
    return attribute === undefined ? undefined : this.integers(attribute)
  }

  /** An axis of the first input, counted from the start. */
  axis(fallback: number): number {
    return axisOf(this.integer('axis', fallback), this.#g.rank(this.x))!
  }

  /** Axes that are an input or an attribute, counted from the start; all of them if there are none. */
  axes(i: number, rank: number): number[] {
    const given = this.constant(i, 'axes')
    return given && given.length > 0 ? axesOf(given, rank)! : Array.from({ length: rank }, (_, axis) => axis)
  }
}
