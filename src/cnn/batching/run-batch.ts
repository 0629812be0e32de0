import { outputSize } from '../../image/preprocess.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
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
}

/**
 * Runs a batch.
 *
 * @returns the activation of each tap
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED`, `DISPOSED`
 */
export async function runBatch(network: NetworkToRun, batch: TensorBatch): Promise<Activation[]> {
  const { session, port, preprocess, taps } = network
  const { width, height } = outputSize(preprocess)
  // A model with a fixed batch size needs a full batch, padded with zeros.
  const size = port.batch ?? batch.count
  const numbers = batch.padded(size)
  const outputs = await session.run(port.name, numbers, [size, preprocess.mean.length, height, width])
  return taps.map(({ layer, shape }) => {
    const activation = outputs.get(layer)!
    checkRows(activation, layer, size, shape)
    return activation
  })
}
