import { outputSize } from '../../image/preprocess.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import type { ImageViews, RunEnd } from '../augmentation/image-views.ts'
import type { ImageTensorInput } from '../image-tensor-input.ts'
import { checkRows } from '../pool.ts'
import type { Activation } from '../running-network.ts'
import type { Network as RunningNetwork } from '../runtime.ts'
import type { Tap } from './feature-rows.ts'
import type { TensorBatch } from './tensor-batch.ts'

/** A network that is ready to run, with its preprocessing and outputs. */
export interface NetworkToRun {
  /** Its outputs are the layers of the taps. */
  session: RunningNetwork
  port: ImageTensorInput
  preprocess: ResolvedPreprocess
  taps: Tap[]
  /** If set, the network runs on changed copies of the images only. */
  views?: ImageViews | undefined
}

/** What a batch is pooled at: all taps of the first view of the images, then those of the second, and so on. */
export function tapsOfViews({ taps, views }: Pick<NetworkToRun, 'taps' | 'views'>): Tap[] {
  return views ? Array.from({ length: views.count }, () => taps).flat() : taps
}

/**
 * Runs a batch.
 *
 * @param end what ends the run of views
 * @returns the activation of each of `tapsOfViews`
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED`, `DISPOSED`, `ABORTED`
 */
export async function runBatch(
  network: NetworkToRun,
  batch: TensorBatch,
  end?: RunEnd,
): Promise<Activation[]> {
  const { port, preprocess, views } = network
  // A model with a fixed batch size needs a full batch, padded with zeros.
  const size = port.batch ?? batch.count
  const numbers = batch.padded(size)
  const channels = preprocess.mean.length
  const { width, height } = outputSize(preprocess)
  const dims = [size, channels, height, width]
  const run = (tensor: Float32Array) => runTensor(network, tensor, dims)
  if (!views) return run(numbers)
  const { runViews } = await import('../augmentation/image-views.ts')
  return runViews(numbers, { channels, height, width }, views, run, end)
}

/** @returns the activation of each tap */
async function runTensor(
  { session, port, taps }: NetworkToRun,
  numbers: Float32Array,
  dims: number[],
): Promise<Activation[]> {
  const outputs = await session.run(port.name, numbers, dims)
  return taps.map(({ layer, shape }) => {
    // The images themselves may be wanted beside the result of a layer.
    const activation = layer === port.name ? { data: numbers.slice(), dims } : outputs.get(layer)!
    checkRows(activation, layer, dims[0], shape)
    return activation
  })
}
