import { SoftmarginError, show } from '../../../core/errors.ts'
import { cutWithFloat32Io } from '../../../onnx/edit/float32-io.ts'
import { obstacleIn, type Tail, tailOf } from '../../../onnx/gradient/tail.ts'
import type { ModelProto } from '../../../onnx/proto/onnx.ts'
import { inferTensors } from '../../../onnx/shapes/infer.ts'
import { type LoadedNetwork, pickLayer, pictureDims } from '../load-network.ts'

/** The part of the network above a layer, for batches of some size. @param from a layer's name or the image input's */
export function tailAbove(parts: LoadedNetwork, from: string, batch: number): Tail {
  const cut = plainCut(parts)
  const dims = [parts.port.batch ?? batch, ...pictureDims(parts.port, parts.preprocess).slice(1)]
  return tailOf(cut, inferTensors(cut, { [parts.port.name]: dims }), from)
}

/** The network up to the layer without its mirror image. */
export function plainCut(parts: LoadedNetwork): ModelProto {
  return cutWithFloat32Io(parts.model, [parts.layer.name], parts.facts)
}

/**
 * Resolves the option `from`.
 *
 * @throws {SoftmarginError} `LAYER_NOT_FOUND`, `INVALID_ARGUMENT`; `MODEL_UNSUPPORTED` naming the operator that a
 *   gradient cannot pass, with the lowest layer above which training is possible
 */
export function findFrom(parts: LoadedNetwork, from: string | number): string {
  const { port, layers, facts } = parts
  const name =
    from === 'input' || from === port.name ? port.name : pickLayer(layers, facts, from, 'from').name
  const tail = tailAbove(parts, name, 1)
  if (tail.weights.length === 0) {
    const expected = 'a layer that operators follow with weights of their own'
    const message = `from must be ${expected}, but nothing can be learnt between ${show(name)} and ${show(parts.layer.name)} alone`
    throw new SoftmarginError('INVALID_ARGUMENT', message, { argument: 'from', received: from, expected })
  }
  const obstacle = obstacleIn(tail)
  if (!obstacle) return name
  const lowest = lowestTrainable(parts)
  const expected =
    lowest === undefined
      ? 'another network: none of its layers can be trained'
      : `${show(lowest)} or a layer above it`
  const message = `the network cannot be trained from ${show(name)} on, since operator ${obstacle.opType} of node ${show(obstacle.name)} has no rule for its gradient: from must be ${expected}`
  throw new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'from', received: from, expected })
}

/** The lowest layer above which every weight can be reached by a gradient. */
function lowestTrainable(parts: LoadedNetwork): string | undefined {
  return parts.layers.find(({ name }) => isTrainable(parts, name))?.name
}

/** Whether training above a layer is possible and changes something. */
export function isTrainable(parts: LoadedNetwork, name: string): boolean {
  try {
    const tail = tailAbove(parts, name, 1)
    return tail.weights.length > 0 && obstacleIn(tail) === undefined
  } catch (error) {
    if (error instanceof SoftmarginError) return false
    throw error
  }
}

/** Whether a training above a layer learns from the images themselves, and from no activations. */
export function learnsFromImages(parts: LoadedNetwork, from: string): boolean {
  return readsImages(tailAbove(parts, from, 1), parts)
}

/** Whether a tail reads the images themselves, and no activations. */
export function readsImages({ kept }: Tail, { port }: LoadedNetwork): boolean {
  return kept.length === 1 && kept[0].name === port.name
}

/** Number of values that a tail reads of one image. */
export function sizeOfKept({ kept }: Tail): number {
  return kept.reduce((sum, { dims }) => sum + sizeOfOne(dims), 0)
}

/** Number of values of one image. @param dims batch first */
export function sizeOfOne(dims: readonly number[]): number {
  return dims.slice(1).reduce((all, n) => all * n, 1)
}
