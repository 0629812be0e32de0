import { SoftmarginError, show } from '../../core/errors.ts'
import type { Tail } from '../../onnx/gradient/tail.ts'
import { multiplyAdds } from '../../onnx/shapes/multiply-adds.ts'
import type { TensorInfo } from '../../onnx/shapes/tensor-info.ts'

/** Most bytes of activations or images that a training keeps. */
export const mostKept = 2 ** 31
/** Most bytes of maps and their gradients that one run of the step may need, about. */
const mostInRun = 2 ** 29

/** Number of images that one run of the step takes. @param facts of one image */
export function sliceSize(tail: Tail, facts: Map<string, TensorInfo>, batchSize: number): number {
  const numbers = tail.model.graph!.node.reduce((sum, { output }) => sum + sizeOf(facts, output[0]), 0)
  // A map, its gradient, and the columns that a 3 x 3 convolution's weights are multiplied with.
  const each = 4 * 4 * numbers
  return Math.max(1, Math.min(batchSize, Math.floor(mostInRun / Math.max(1, each))))
}

/**
 * Multiply-adds of a step for one image: of the tail, and of the gradients of its maps and weights, each as much.
 *
 * @param facts of one image
 */
export function workOfStep(tail: Tail, facts: Map<string, TensorInfo>): number {
  return 3 * tail.model.graph!.node.reduce((sum, node) => sum + (multiplyAdds(node, facts) ?? 0), 0)
}

/**
 * Number of views of each image that are kept.
 *
 * @param size bytes kept for each view of an image
 * @param wanted number of views if memory is no limit
 * @throws {SoftmarginError} `OUT_OF_MEMORY` if not even one view of each fits, with what would
 */
export function viewsThatFit(images: number, size: number, wanted: number, from: string): number {
  const bytes = images * size
  if (bytes <= mostKept) return Math.max(1, Math.min(wanted, Math.floor(mostKept / bytes)))
  const fits = Math.floor(mostKept / size)
  const expected = `at most ${fits} images, activations: 'float16', or another layer in from whose activations are smaller`
  const message = `training above ${show(from)} keeps ${inMegabytes(bytes)} MB for ${images} images, and at most ${inMegabytes(mostKept)} MB are kept: pass ${expected}`
  throw new SoftmarginError('OUT_OF_MEMORY', message, { argument: 'images', received: images, expected })
}

function inMegabytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20)
}

function sizeOf(facts: Map<string, TensorInfo>, name: string): number {
  return facts.get(name)?.dims?.reduce<number>((all, n) => all * (n ?? 1), 1) ?? 0
}
