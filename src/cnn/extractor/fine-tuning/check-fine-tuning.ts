import { SoftmarginError, show } from '../../../core/errors.ts'
import { type Label, uniqueLabels } from '../../../core/labels.ts'
import type { LayerInfo } from '../../layers/layer-info.ts'
import type { Settings } from '../../training/fine-tune-options.ts'
import { viewsThatFit } from '../../training/plan-training.ts'
import type { LoadedNetwork } from '../load-network.ts'
import { defaultFrom } from './fine-tune-defaults.ts'
import { findFrom, learnsFromImages, sizeOfKept, tailAbove } from './trainable-tail.ts'

/**
 * Checks before a fine-tuning begins that the network can be trained and that what is kept of the images fits.
 *
 * @param asked the layer of the option `from`, resolved; `undefined` for the default one
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` and `INVALID_ARGUMENT` as `findFrom`, `INVALID_ARGUMENT` for CutMix of
 *   activations, `OUT_OF_MEMORY` as `viewsThatFit`
 */
export function checkFineTuning(
  parts: LoadedNetwork,
  layers: LayerInfo[],
  asked: string | undefined,
  labels: ArrayLike<Label>,
  { validation, activations, refit, augment }: Settings,
): void {
  const { cutMix } = augment
  if (cutMix && asked !== undefined && !learnsFromImages(parts, asked)) throw cutMixNeedsImages(cutMix, asked)
  const images = labels.length - Math.ceil(validation * labels.length)
  const classes = uniqueLabels(labels, 'labels').length
  const from = asked ?? findFrom(parts, defaultFrom(parts, layers, images, classes))
  const size = sizeOfKept(tailAbove(parts, from, 1))
  viewsThatFit(refit ? labels.length : images, { size, precision: activations }, 1, from)
}

function cutMixNeedsImages(received: number, from: string): SoftmarginError {
  const expected = `0 or left out unless from is 'input'`
  const message = `augment.cutMix must be ${expected}, but it is ${received} and the network is trained above ${show(from)}, from activations`
  return new SoftmarginError('INVALID_ARGUMENT', message, { argument: 'augment.cutMix', received, expected })
}
