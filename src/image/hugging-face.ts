import { invalidArgument } from '../core/errors.ts'
import type { HuggingFacePreprocess } from './hugging-face-config.ts'
import type { Preprocess, Size } from './preprocess-options.ts'

export type { HuggingFacePreprocess } from './hugging-face-config.ts'

/** PIL's codes of the supported resampling filters. */
const filters: Record<number, NonNullable<Preprocess['resample']>> = {
  0: 'nearest',
  2: 'bilinear',
  3: 'bicubic',
}

/**
 * Processors that interpret a single number as the length of the shorter side. All others interpret it as a
 * square.
 */
const shorterSide =
  /^(CLIP|ChineseCLIP|ConvNext|Levit|MobileNetV[12]|MobileViT|PoolFormer|Bit|VideoMAE|EfficientFormer)/

/**
 * Converts a `preprocessor_config.json` as the image processors of Hugging Face `transformers` interpret it
 * (ViT, ConvNeXT with its `crop_pct`, CLIP, BiT, LeViT, EfficientNet and similar). Centre crops are placed as
 * in torchvision and in the library's fast processors.
 *
 * @param config the file's JSON
 * @param name name under which the caller passed it, for error messages
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for unsupported operations: other filters (lanczos, box,
 *   hamming), padding, or a limit on the longer side
 */
export function fromHuggingFace(config: HuggingFacePreprocess, name = 'preprocess'): Preprocess {
  if (typeof config !== 'object' || config === null) throw invalidArgument(name, config, 'an object')
  const processor = config.image_processor ?? config
  if (processor.do_pad === true)
    throw invalidArgument(`${name}.do_pad`, true, 'false, since padding is not supported')
  const { do_rescale = true, do_normalize = true, rescale_factor = 1 / 255 } = processor
  const result: Preprocess = { ...geometry(processor, name), rescale: do_rescale ? rescale_factor : 1 }
  if (processor.resample !== undefined) {
    const resample = filters[processor.resample]
    if (!resample && processor.do_resize !== false) {
      throw invalidArgument(
        `${name}.resample`,
        processor.resample,
        '0 (nearest), 2 (bilinear) or 3 (bicubic)',
      )
    }
    if (resample) result.resample = resample
  }
  // If the file omits mean and std, the ImageNet defaults apply.
  if (do_normalize && processor.image_mean) result.mean = processor.image_mean
  if (do_normalize && processor.image_std) result.std = processor.image_std
  if (!do_normalize) Object.assign(result, { mean: [0, 0, 0], std: [1, 1, 1] })
  // EfficientNet scales bytes to -1 ... 1 before applying mean and std.
  if (processor.rescale_offset && do_rescale)
    result.mean = (result.mean ?? [0.485, 0.456, 0.406]).map((m) => m + 1)
  if (processor.do_flip_channel_order) result.order = 'bgr'
  return result
}

/** Resizing and cropping. */
function geometry(processor: HuggingFacePreprocess, name: string): Pick<Preprocess, 'size' | 'crop'> {
  const type = processor.image_processor_type ?? processor.feature_extractor_type ?? ''
  const crop =
    processor.do_center_crop && processor.crop_size !== undefined ? sizeOf(processor.crop_size) : undefined
  if (processor.do_resize === false || processor.size === undefined) return crop === undefined ? {} : { crop }
  const { size } = processor
  if (typeof size === 'object' && size !== null && size.longest_edge !== undefined) {
    const expected = 'omitted, since all images must have the same size'
    throw invalidArgument(`${name}.size.longest_edge`, size.longest_edge, expected)
  }
  const edge = shortEdge(size, type, crop !== undefined)
  if (edge === undefined) {
    const exact = sizeOf(size as number | Size)
    return crop === undefined ? { size: exact } : { size: exact, crop }
  }
  if (type.startsWith('ConvNext')) {
    // ConvNeXT resizes small images slightly larger and crops them; from 384 pixels on it stretches them to a
    // square.
    return edge >= 384
      ? { size: edge }
      : { size: { shortestEdge: Math.trunc(edge / (processor.crop_pct ?? 224 / 256)) }, crop: edge }
  }
  const resized = type.startsWith('Levit')
    ? Math.trunc((256 / 224) * edge)
    : type.startsWith('PoolFormer')
      ? Math.trunc(edge / (processor.crop_pct ?? 0.9))
      : edge
  // Without a crop the longer side would vary between images, so the centre square is cropped.
  return { size: { shortestEdge: resized }, crop: crop ?? edge }
}

function shortEdge(
  size: NonNullable<HuggingFacePreprocess['size']>,
  type: string,
  isCropped: boolean,
): number | undefined {
  if (typeof size === 'object') return size?.shortest_edge
  return shorterSide.test(type) || (type === '' && isCropped) ? size : undefined
}

function sizeOf(size: number | { height?: number | undefined; width?: number | undefined }): number | Size {
  if (typeof size !== 'object' || size === null) return size
  return size.height === size.width ? size.width! : { width: size.width!, height: size.height! }
}
