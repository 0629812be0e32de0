// Fuses gates, such as those of squeeze-and-excite blocks: factors of channels that follow from the whole map.

import { BinaryKind, type Convolution, linear, type MapValue, type Operation } from './operations.ts'
import { Uses } from './uses.ts'

/**
 * Gives each product of a map with a gate to the 1 x 1 convolution that alone reads it, if it has fewer weights than the map has
 * numbers: it multiplies them by the gate instead.
 */
export function joinGates(operations: Operation[], outputs: MapValue[]): Operation[] {
  const uses = new Uses(operations, outputs)
  const gone = new Set<Operation>()
  const joined = operations.map((operation): Operation => {
    if (operation.type !== 'convolution' || !acceptsGate(operation)) return operation
    const product = uses.onlyReader(operation.input) && uses.maker(operation.input)
    if (product?.type !== 'binary' || product.kind !== BinaryKind.multiply) return operation
    if (product.activation !== linear) return operation
    for (const [input, gate] of [
      [product.left, product.right],
      [product.right, product.left],
    ]) {
      if (input.constant || gate.constant || !isGate(gate, input)) continue
      gone.add(product)
      return { ...operation, input, gate }
    }
    return operation
  })
  return joined.filter((operation) => !gone.has(operation))
}

function acceptsGate({ groups, kernel, strides, before, after, input, bias }: Convolution): boolean {
  const { channels, height, width } = input.shape
  const isPlain = [...kernel, ...strides].every((n) => n === 1) && [...before, ...after].every((n) => n === 0)
  return isPlain && groups === 1 && channels > 1 && bias.length <= height * width
}

function isGate({ shape }: MapValue, { shape: full }: MapValue): boolean {
  return shape.height * shape.width === 1 && shape.channels === full.channels && full.height * full.width > 1
}
