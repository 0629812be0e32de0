// The images of other things that `unknown` is given, as features.

import type { FeatureExtractor } from '../cnn/extractor/extractor.ts'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { Matrix } from '../core/matrix.ts'
import { readAsset } from '../host/assets.ts'
import type { ImagesCall, UnknownSettings } from './classifier-options.ts'
import type { ImageFeatures } from './image-features.ts'

const argument = 'unknown.background'
/** The shipped file of each bundled CNN, and its features. */
const BUNDLED = {
  tiny: { file: 'tiny-background.bin', featureSize: 288 },
  small: { file: 'small-background.bin', featureSize: 576 },
} as const
/** How the extractors of the shipped files' features describe themselves. */
const settings = {
  layer: 'features',
  pooling: 'none',
  preprocess: {
    size: { width: 32, height: 32 },
    mean: [0.507, 0.487, 0.441],
    std: [0.267, 0.256, 0.276],
    rescale: 1 / 255,
    resample: 'bilinear',
    order: 'rgb',
  },
}

/**
 * The features of the background that a classifier is created with.
 *
 * @param o with `onUnreadable`, images of the background that cannot be read are left out; the callback is not called
 * @throws {SoftmarginError} as `ImageFeatures.extract`, naming `unknown.background[i]`; `FILE_UNREADABLE` if the file of the
 *   default background is missing
 */
export async function backgroundFeatures(
  source: ImageFeatures,
  background: NonNullable<UnknownSettings['background']>,
  o: ImagesCall,
): Promise<Matrix> {
  if (background === 'default') {
    const { file, featureSize } = bundled(source.extractor.describe().model)
    return decode(await readAsset(file), featureSize)
  }
  const call: ImagesCall = {
    ...o,
    onProgress: (p) => o.onProgress?.({ ...p, stage: 'background' }),
    onUnreadable: o.onUnreadable && (() => {}),
  }
  const { features } = await source.extract(background, call).catch((error) => {
    throw renamed(error)
  })
  return features
}

/**
 * Checks that an extractor computes the features of the default background.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function checkDefaultBackground(extractor: FeatureExtractor): void {
  const described = extractor.describe()
  const { model, layer } = described
  const isBundled =
    Object.hasOwn(BUNDLED, model) &&
    JSON.stringify(described) ===
      JSON.stringify({ model, ...settings, featureSize: bundled(model).featureSize }) &&
    !extractor.mirror &&
    extractor.shift === 0 &&
    !extractor.tuning
  if (!isBundled) throw notBundled(`layer ${JSON.stringify(layer)} of ${JSON.stringify(model)}`)
}

function bundled(model: string): (typeof BUNDLED)[keyof typeof BUNDLED] {
  return BUNDLED[model as keyof typeof BUNDLED]
}

/** @param what what the features are of */
export function notBundled(what: string): SoftmarginError {
  return invalidArgument(
    argument,
    'default',
    'pictures of other things',
    `${argument} 'default' holds features of a bundled CNN's default layer, without mirror, shift or other preprocessing, but the classifier's are those of ${what}: give pictures of other things instead`,
  )
}

/** Reads the file that `scripts/background.js` writes: the lowest value and the step as float32, then a byte a feature. */
function decode(bytes: Uint8Array<ArrayBuffer>, featureSize: number): Matrix {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [lowest, step] = [view.getFloat32(0, true), view.getFloat32(4, true)]
  const data = Float32Array.from(bytes.subarray(8), (level) => lowest + step * level)
  return new Matrix(data, data.length / featureSize, featureSize)
}

/** An error about `images[i]` as one about the background. */
function renamed(error: unknown): unknown {
  if (!(error instanceof SoftmarginError) || !error.argument?.startsWith('images')) return error
  const name = error.argument.replace('images', argument)
  const { received, expected, cause } = error
  const message = error.message.replace(error.argument, name)
  return new SoftmarginError(error.code, message, { argument: name, received, expected, cause })
}
