import { invalidArgument } from '../core/errors.ts'
import { type HuggingFacePreprocess, isHuggingFace } from './hugging-face-config.ts'
import type { Preprocess, ResolvedPreprocess, Size } from './preprocess-options.ts'

/** ImageNet pixel mean and standard deviation, with which torchvision models were trained. */
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
const imageNetGrey = { mean: [0.449], std: [0.226] }

/**
 * Resolves preprocessing options: the caller's values take precedence, then those of the model file, then the
 * defaults. `size` and `crop` are taken together from one source, because the caller's size and the model's
 * crop would rarely match.
 *
 * @param wanted the caller's options, or the JSON of a `preprocessor_config.json`
 * @param fromModel options from the model file or the configuration next to it
 * @param model channels of the model's input, and its size if fixed
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export async function resolvePreprocess(
  wanted: Preprocess | HuggingFacePreprocess = {},
  fromModel: Preprocess | HuggingFacePreprocess = {},
  model: { channels: number; size?: Size | undefined } = { channels: 3 },
): Promise<ResolvedPreprocess> {
  if (typeof wanted !== 'object' || wanted === null) throw invalidArgument('preprocess', wanted, 'an object')
  const given = await asOptions(wanted)
  const recorded = await asOptions(fromModel)
  const geometry = given.size !== undefined || given.crop !== undefined ? given : recorded
  const order = given.order ?? recorded.order ?? (model.channels === 1 ? 'grey' : 'rgb')
  checkOneOf('order', order, ['rgb', 'bgr', 'grey'])
  const channels = order === 'grey' ? 1 : 3
  if (channels !== model.channels) {
    throw invalidArgument(
      'preprocess.order',
      order,
      model.channels === 1
        ? `'grey': the model has one input channel`
        : `'rgb' or 'bgr': the model has 3 channels`,
    )
  }
  const usual = channels === 1 ? imageNetGrey : imageNet
  const resample = given.resample ?? recorded.resample ?? 'bilinear'
  checkOneOf('resample', resample, ['bilinear', 'bicubic', 'nearest'])
  const rescale = given.rescale ?? recorded.rescale ?? 1 / 255
  if (!Number.isFinite(rescale) || rescale <= 0) {
    throw invalidArgument('preprocess.rescale', rescale, 'a finite number above 0')
  }
  const mean = checkChannels('mean', given.mean ?? recorded.mean ?? usual.mean, channels)
  const std = checkChannels('std', given.std ?? recorded.std ?? usual.std, channels)
  if (std.some((value) => value <= 0)) throw invalidArgument('preprocess.std', std, 'numbers above 0')
  return { ...resolveGeometry(geometry, model.size), mean, std, rescale, resample, order }
}

/** Options as they are, and those of a Hugging Face configuration. */
async function asOptions(options: Preprocess | HuggingFacePreprocess): Promise<Preprocess> {
  if (!isHuggingFace(options)) return options
  const { fromHuggingFace } = await import('./hugging-face.ts')
  return fromHuggingFace(options)
}

/** Width and height of the tensor that preprocessing produces. */
export function outputSize(preprocess: ResolvedPreprocess): Size {
  return preprocess.crop ?? (preprocess.size as Size)
}

function resolveGeometry({ size, crop }: Preprocess, modelSize: Size | undefined) {
  const cropTo = crop === undefined ? undefined : checkSize('crop', crop)
  if (size === undefined) {
    return cropTo ? { crop: cropTo } : { size: modelSize ?? { width: 224, height: 224 } }
  }
  if (typeof size === 'object' && size !== null && 'shortestEdge' in size) {
    checkSide('size.shortestEdge', size.shortestEdge)
    if (!cropTo) {
      throw invalidArgument(
        'preprocess.crop',
        crop,
        'set if size.shortestEdge is, since all tensors must have the same size',
      )
    }
    return { size: { shortestEdge: size.shortestEdge }, crop: cropTo }
  }
  const resizeTo = checkSize('size', size)
  return cropTo ? { size: resizeTo, crop: cropTo } : { size: resizeTo }
}

function checkSize(field: string, size: number | Size): Size {
  if (typeof size === 'number') {
    checkSide(field, size)
    return { width: size, height: size }
  }
  if (typeof size !== 'object' || size === null) {
    throw invalidArgument(`preprocess.${field}`, size, 'a number of pixels or { width, height }')
  }
  checkSide(`${field}.width`, size.width)
  checkSide(`${field}.height`, size.height)
  return { width: size.width, height: size.height }
}

function checkSide(field: string, side: unknown): void {
  if (!Number.isSafeInteger(side) || (side as number) < 1 || (side as number) > 16384) {
    throw invalidArgument(`preprocess.${field}`, side, 'an integer from 1 to 16384')
  }
}

function checkOneOf(field: string, value: string, names: string[]): void {
  if (names.includes(value)) return
  throw invalidArgument(`preprocess.${field}`, value, `one of ${names.map((name) => `'${name}'`).join(', ')}`)
}

function checkChannels(field: string, values: readonly number[], channels: number): number[] {
  if (!Array.isArray(values) || values.length !== channels || !values.every(Number.isFinite)) {
    const numbers = channels === 1 ? 'one finite number' : `${channels} finite numbers`
    throw invalidArgument(`preprocess.${field}`, values, `an array of ${numbers}`)
  }
  return [...values]
}
