import {
  type Activation,
  ActivationKind,
  BinaryKind,
  type Convolution,
  isMultiply,
  linear,
  type MapValue,
  type Operation,
  type Program,
} from '../operations.ts'
import { Uses } from './uses.ts'

/**
 * Fuses an operation with the following one if that is its only reader: per-channel scale and shift
 * (BatchNormalization, layer scale), residual, activation. The fused operation finishes its sums while they
 * are in registers. Gates go to the following convolution.
 */
export async function fuse(program: Program): Promise<Program> {
  const outputs = program.outputs.map(({ value }) => value)
  let operations = await joinProducts(program.operations, outputs)
  operations = joinFactors(operations, outputs)
  operations = joinResiduals(operations, outputs)
  operations = joinActivations(operations, outputs)
  if (operations.some(isMultiply)) operations = (await import('./patterns.ts')).joinGates(operations, outputs)
  return { ...program, operations: withoutDead(operations, outputs) }
}

/**
 * Fuses what leaves every map that a backward pass reads: residuals, and activations of which `isFused` holds.
 *
 * @param isFused whether an activation's gradient follows from what the activation makes
 */
export async function fuseForTraining(
  program: Program,
  isFused: (activation: Activation) => boolean,
): Promise<Program> {
  const outputs = program.outputs.map(({ value }) => value)
  let operations = await joinProducts(program.operations, outputs)
  operations = joinResiduals(operations, outputs)
  operations = joinActivations(operations, outputs, isFused)
  return { ...program, operations: withoutDead(operations, outputs) }
}

/** Fuses the activations that are products of maps; see `joinPatterns`. */
async function joinProducts(operations: Operation[], outputs: MapValue[]): Promise<Operation[]> {
  if (!operations.some(isMultiply)) return operations
  const { joinPatterns } = await import('./patterns.ts')
  return joinPatterns(operations, outputs)
}

/**
 * Visits the operations in order. `join` returns the operation that replaces a pair, placed at the position
 * of the second.
 */
function joinPairs(
  operations: Operation[],
  outputs: MapValue[],
  join: (first: Operation, second: Operation) => Operation | undefined,
): Operation[] {
  const uses = new Uses(operations, outputs)
  const list: Operation[] = []
  /** Operations already fused, by their current output. */
  const current = new Map<MapValue, Operation>()
  for (const second of operations) {
    const inputs =
      second.type === 'binary' ? [second.left, second.right] : 'input' in second ? [second.input] : []
    let made: Operation | undefined
    // Try the latest operation first: at its position all other inputs are already computed.
    const firsts = inputs
      .filter((value) => uses.count(value) === 1)
      .flatMap((value) => current.get(value) ?? [])
      .sort((a, b) => list.indexOf(b) - list.indexOf(a))
    for (const first of firsts) {
      made = join(first, second)
      if (!made) continue
      list.splice(list.indexOf(first), 1)
      break
    }
    list.push(made ?? second)
    current.set(second.output, made ?? second)
  }
  return list
}

/** Folds per-filter scale and shift into a convolution's weights and bias. */
function joinFactors(operations: Operation[], outputs: MapValue[]): Operation[] {
  return joinPairs(operations, outputs, (first, second) => {
    if (first.type !== 'convolution' || first.activation !== linear || first.residual) return undefined
    const factors = factorsOf(second)
    if (!factors) return undefined
    const { bias } = first
    const scale = first.bias.map((_, i) => factors.scale(i) * (first.scale?.[i] ?? 1))
    return {
      ...first,
      scale,
      bias: bias.map((number, i) => number * factors.scale(i) + factors.summand(i)),
      output: second.output,
      activation: second.type === 'convolution' ? second.activation : linear,
    }
  })
}

function factorsOf(
  operation: Operation,
): { scale: (i: number) => number; summand: (i: number) => number } | undefined {
  if (operation.type === 'unary') {
    const { kind, low, high, a, b } = operation.activation
    if (kind !== ActivationKind.affine || low !== -Infinity || high !== Infinity) return undefined
    return { scale: () => a, summand: () => b }
  }
  if (!isScaling(operation)) return undefined
  const weights = operation.weights()
  const { scale, bias } = operation
  return { scale: (i) => weights[i] * (scale?.[i] ?? 1), summand: (i) => bias[i] }
}

/** Whether a convolution is a per-channel scale and shift: a 1x1 depthwise convolution. */
function isScaling(operation: Operation): operation is Convolution {
  if (operation.type !== 'convolution' || operation.residual) return false
  const { groups, input, output, kernel, strides, before, after, bias } = operation
  const isSingle =
    [...kernel, ...strides].every((n) => n === 1) && [...before, ...after].every((n) => n === 0)
  return (
    isSingle &&
    groups === bias.length &&
    groups === input.shape.channels &&
    output.shape.channels === input.shape.channels
  )
}

/** Fuses the addition of another map into a convolution as its residual. */
function joinResiduals(operations: Operation[], outputs: MapValue[]): Operation[] {
  return joinPairs(operations, outputs, (first, second) => {
    if (second.type !== 'binary' || second.kind !== BinaryKind.add) return undefined
    if (first.type !== 'convolution' || first.residual || first.activation !== linear) return undefined
    const other = second.left === first.output ? second.right : second.left
    const { channels, height, width } = first.output.shape
    const isSame =
      other.shape.channels === channels && other.shape.height === height && other.shape.width === width
    if (!isSame || other.constant || other === first.output) return undefined
    return { ...first, residual: other, output: second.output, activation: second.activation }
  })
}

function joinActivations(
  operations: Operation[],
  outputs: MapValue[],
  isFused: (activation: Activation) => boolean = () => true,
): Operation[] {
  return joinPairs(operations, outputs, (first, second) => {
    if (second.type !== 'unary' || first.activation !== linear) return undefined
    if (!isFused(second.activation)) return undefined
    if (first.type !== 'convolution' && first.type !== 'binary') return undefined
    return { ...first, output: second.output, activation: second.activation }
  })
}

/** Removes operations that no output depends on. */
function withoutDead(operations: Operation[], outputs: MapValue[]): Operation[] {
  let living = operations
  for (;;) {
    const uses = new Uses(living, outputs)
    const next = living.filter(({ output }) => uses.count(output) > 0)
    if (next.length === living.length) return next
    living = next
  }
}
