import { SoftmarginError, show } from '../../core/errors.ts'
import { bytesOf, type Precision } from '../../core/precision/float16.ts'
import type { Tail } from '../../onnx/gradient/tail.ts'
import { multiplyAdds } from '../../onnx/shapes/multiply-adds.ts'
import type { TensorInfo } from '../../onnx/shapes/tensor-info.ts'

/** Maximum bytes of activations or images that a training keeps. */
const MAX_CACHED_BYTES = 2 ** 31
/** Maximum bytes of maps and their gradients that one run of the step may need, about. */
const MAX_RUN_BYTES = 2 ** 29

/** Number of images of a micro-batch in a runtime whose memory grows with it. @param facts of one image */
export function microBatchSize(tail: Tail, facts: Map<string, TensorInfo>, batchSize: number): number {
  const numbers = tail.model.graph!.node.reduce((sum, { output }) => sum + sizeOf(facts, output[0]), 0)
  // 4 bytes a number, and room for four copies of all maps, an estimate: the maps, their gradients, and the columns (im2col) of
  // the gradients of weights. Those of a 3 x 3 convolution take nine times its map, but only one convolution's are needed at
  // a time.
  const each = 4 * 4 * numbers
  return Math.max(1, Math.min(batchSize, Math.floor(MAX_RUN_BYTES / Math.max(1, each))))
}

/**
 * Multiply-adds of a step for one image: of the tail, and of the gradients of its maps and weights, each as much.
 *
 * @param facts of the batch of the tail
 */
export function workOfStep(tail: Tail, facts: Map<string, TensorInfo>): number {
  const [images] = tail.kept[0].dims
  return (
    (3 * tail.model.graph!.node.reduce((sum, node) => sum + (multiplyAdds(node, facts) ?? 0), 0)) / images
  )
}

/**
 * Number of views of each image that are kept.
 *
 * @param precision how they are kept
 * @param size number of values kept for each view of an image
 * @param wanted number of views if memory is no limit
 * @throws {SoftmarginError} `OUT_OF_MEMORY` if not even one view of each fits, with what would
 */
export function viewsThatFit(
  images: number,
  { size, precision }: { size: number; precision: Precision },
  wanted: number,
  from: string,
): number {
  const imageBytes = size * bytesOf[precision]
  const bytes = images * imageBytes
  if (bytes <= MAX_CACHED_BYTES) return Math.max(1, Math.min(wanted, Math.floor(MAX_CACHED_BYTES / bytes)))
  const fits = Math.floor(MAX_CACHED_BYTES / imageBytes)
  const halfFits = images * size * bytesOf.float16 <= MAX_CACHED_BYTES
  const advice = [
    ...(fits > 0 ? [`pass at most ${fits} images`] : []),
    ...(halfFits ? [`set activations to 'float16'`] : []),
    'set from to a layer with smaller activations',
  ]
  const expected = `at most ${inMebibytes(MAX_CACHED_BYTES)} MiB of activations`
  const message = `fine-tuning from layer ${show(from)} keeps ${inMebibytes(bytes)} MiB of activations for ${images} images, but at most ${inMebibytes(MAX_CACHED_BYTES)} MiB are allowed: ${advice.join(', or ')}`
  throw new SoftmarginError('OUT_OF_MEMORY', message, { argument: 'images', received: images, expected })
}

function inMebibytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20)
}

function sizeOf(facts: Map<string, TensorInfo>, name: string): number {
  return facts.get(name)?.dims?.reduce<number>((all, n) => all * (n ?? 1), 1) ?? 0
}
