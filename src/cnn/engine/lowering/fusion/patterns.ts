// Fuses products of maps: activations that models spell out as several operators, such as Swish, HardSwish and GELU, and gates of
// channels, as in squeeze-and-excite blocks.

import {
  type Activation,
  ActivationKind,
  type Convolution,
  isMultiply,
  linear,
  type MapValue,
  type Operation,
  type Unary,
} from '../operations.ts'
import { Uses } from './uses.ts'

/**
 * If `value` is an elementwise function of `x` alone, the activations that lead from `x` to it. No
 * intermediate value may have another reader.
 */
function chain(value: MapValue, x: MapValue, uses: Uses): Unary[] | undefined {
  const found: Unary[] = []
  let at = value
  while (at !== x) {
    const made = uses.maker(at)
    if (made?.type !== 'unary' || uses.count(at) !== 1 || found.length > 3) return undefined
    found.unshift(made)
    at = made.input
  }
  return found
}

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.abs(b)
const isAffine = ({ kind, low, high }: Activation) =>
  kind === ActivationKind.affine && low === -Infinity && high === Infinity
const isPlain = (one: Activation, kind: number) =>
  one.kind === kind && one.low === -Infinity && one.high === Infinity

/** The single activation that computes x * f(x) * factor, if there is one. */
function productWith(gate: Unary[], factor: number): Activation | undefined {
  const [first, second, third] = gate.map(({ activation }) => activation)
  const made = (name: keyof typeof ActivationKind, a = 0, b = 0) => {
    return { ...linear, kind: ActivationKind[name], a, b }
  }
  if (gate.length === 1 && factor === 1) {
    if (isPlain(first, ActivationKind.sigmoid)) return made('swish', 1)
    if (isPlain(first, ActivationKind.hardSigmoid)) return made('hardSwish', first.a, first.b)
  }
  if (gate.length === 2 && isAffine(first)) {
    const isSigmoid = isPlain(second, ActivationKind.sigmoid)
    if (isSigmoid && factor === 1 && first.b === 0) return made('swish', first.a)
    // x * clamp(x + 3, 0, 6) / 6
    const isClamp = second.kind === ActivationKind.none && second.low === 0
    if (isClamp && near(factor * second.high, 1)) return made('hardSwish', first.a * factor, first.b * factor)
  }
  if (gate.length === 3 && isAffine(first) && isAffine(third)) {
    const isClamp = second.kind === ActivationKind.none && second.low === 0
    if (isClamp && factor === 1 && third.b === 0 && near(third.a * second.high, 1)) {
      return made('hardSwish', first.a * third.a, first.b * third.a)
    }
    // x * (erf(x / sqrt 2) + 1) / 2
    const isErf = isPlain(second, ActivationKind.erf) && first.b === 0 && near(first.a, Math.SQRT1_2)
    if (isErf && third.a === 1 && third.b === 1 && factor === 0.5) return made('gelu')
  }
  return undefined
}

/** Replaces each product of a value with a function of itself by a single activation, where one exists. */
export function joinPatterns(operations: Operation[], outputs: MapValue[]): Operation[] {
  const uses = new Uses(operations, outputs)
  const gone = new Set<Operation>()
  const joined = operations.map((operation): Operation => {
    if (!isMultiply(operation)) return operation
    const { left, right, name, output } = operation
    const tail = uses.onlyReader(output)
    const factor = tail?.type === 'unary' && isAffine(tail.activation) && tail.activation.b === 0
    for (const [x, gate] of [
      [left, right],
      [right, left],
    ]) {
      const steps = x.constant || gate.constant ? undefined : chain(gate, x, uses)
      if (!steps || steps.length === 0) continue
      const alone = productWith(steps, 1)
      const scaled = !alone && factor ? productWith(steps, tail.activation.a) : undefined
      const activation = alone ?? scaled
      if (!activation) continue
      for (const step of steps) gone.add(step)
      if (scaled) gone.add(tail!)
      return { type: 'unary', name, output: scaled ? tail!.output : output, input: x, activation }
    }
    return operation
  })
  return joined.filter((operation) => !gone.has(operation))
}

/**
 * Gives the product of a map with a gate to the 1 x 1 convolution that alone reads it, if that has fewer filters than the map has
 * pixels: it multiplies its weights by the gate instead. The product is left without readers.
 */
export function joinGates(operations: Operation[], outputs: MapValue[]): Operation[] {
  const uses = new Uses(operations, outputs)
  return operations.map((operation) => {
    if (operation.type !== 'convolution' || !acceptsGate(operation)) return operation
    const product = uses.onlyReader(operation.input) ? uses.maker(operation.input) : undefined
    if (!isMultiply(product)) return operation
    const { left, right, activation } = product
    const [input, gate] = areaOf(left) > 1 ? [left, right] : [right, left]
    const isGate = areaOf(gate) === 1 && gate.shape.channels === input.shape.channels
    // Only what reads a map in windows gives it a border: a gate has none.
    if (!isGate || uses.count(gate) > 1 || input.constant || gate.constant || activation !== linear)
      return operation
    return { ...operation, input, gate }
  })
}

const areaOf = ({ shape }: MapValue) => shape.height * shape.width

function acceptsGate({ groups, kernel, strides, before, after, input, bias }: Convolution): boolean {
  const isPlain = [kernel, strides, before, after].join() === '1,1,1,1,0,0,0,0'
  return isPlain && groups === 1 && input.shape.channels > 1 && bias.length <= areaOf(input)
}
