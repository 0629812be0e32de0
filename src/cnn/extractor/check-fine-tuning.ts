import { type Label, uniqueLabels } from '../../core/labels.ts'
import type { LayerInfo } from '../layers/layer-info.ts'
import type { Settings } from '../training/fine-tune-options.ts'
import { viewsThatFit } from '../training/plan-training.ts'
import { findFrom, sizeOfKept, tailAbove } from './fine-tune.ts'
import { defaultFrom } from './fine-tune-defaults.ts'
import type { LoadedNetwork } from './load-network.ts'

/**
 * Checks before a fine-tuning begins that the network can be trained and that what is kept of the images fits.
 *
 * @param asked the layer of the option `from`, resolved; `undefined` for the default one
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` and `INVALID_ARGUMENT` as `findFrom`, `OUT_OF_MEMORY` as `viewsThatFit`
 */
export function checkFineTuning(
  parts: LoadedNetwork,
  layers: LayerInfo[],
  asked: string | undefined,
  labels: ArrayLike<Label>,
  { validation, activations, refit }: Pick<Settings, 'validation' | 'activations' | 'refit'>,
): void {
  const images = labels.length - Math.ceil(validation * labels.length)
  const classes = uniqueLabels(labels, 'labels').length
  const from = asked ?? findFrom(parts, defaultFrom(parts, layers, images, classes))
  const size = sizeOfKept(tailAbove(parts, from, 1))
  viewsThatFit(refit ? labels.length : images, { size, precision: activations }, 1, from)
}
