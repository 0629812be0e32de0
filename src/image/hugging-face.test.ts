import { describe, expect, it } from 'vitest'
import { fromHuggingFace, type HuggingFacePreprocess } from './hugging-face.ts'
import { isHuggingFace } from './hugging-face-config.ts'
import { resolvePreprocess } from './preprocess.ts'

const imageNet = { image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] }
const halves = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] }

describe('configurations from the Hugging Face hub', () => {
  it.each<[string, HuggingFacePreprocess, object]>([
    [
      'ViT, old format',
      { do_normalize: true, do_resize: true, ...halves, size: 224 },
      {
        size: { width: 224, height: 224 },
        mean: [0.5, 0.5, 0.5],
        std: [0.5, 0.5, 0.5],
        resample: 'bilinear',
      },
    ],
    [
      'ViT',
      {
        do_rescale: true,
        image_processor_type: 'ViTImageProcessor',
        resample: 2,
        rescale_factor: 0.00392156862745098,
        size: { height: 384, width: 384 },
        ...halves,
      },
      { size: { width: 384, height: 384 }, rescale: 1 / 255 },
    ],
    [
      "ResNet, with ConvNeXT's processor",
      {
        crop_pct: 0.875,
        feature_extractor_type: 'ConvNextFeatureExtractor',
        resample: 3,
        size: 224,
        ...imageNet,
      },
      { size: { shortestEdge: 256 }, crop: { width: 224, height: 224 }, resample: 'bicubic' },
    ],
    [
      'ConvNeXT at 384, resized without crop',
      {
        image_processor_type: 'ConvNextImageProcessor',
        crop_pct: null,
        resample: 3,
        size: { shortest_edge: 384 },
      },
      { size: { width: 384, height: 384 } },
    ],
    [
      'CLIP',
      {
        crop_size: { height: 224, width: 224 },
        do_center_crop: true,
        feature_extractor_type: 'CLIPFeatureExtractor',
        image_mean: [0.48145466, 0.4578275, 0.40821073],
        resample: 3,
        size: { shortest_edge: 224 },
      },
      {
        size: { shortestEdge: 224 },
        crop: { width: 224, height: 224 },
        mean: [0.48145466, 0.4578275, 0.40821073],
      },
    ],
    [
      'DeiT, a single number for a square',
      {
        feature_extractor_type: 'DeiTFeatureExtractor',
        do_center_crop: true,
        crop_size: 224,
        size: 256,
        resample: 3,
      },
      { size: { width: 256, height: 256 }, crop: { width: 224, height: 224 } },
    ],
    [
      'MobileNetV2',
      {
        image_processor_type: 'MobileNetV2ImageProcessor',
        do_center_crop: true,
        crop_size: { height: 224, width: 224 },
        size: { shortest_edge: 256 },
        resample: 2,
        ...halves,
      },
      { size: { shortestEdge: 256 }, crop: { width: 224, height: 224 } },
    ],
    [
      'LeViT',
      {
        feature_extractor_type: 'LevitFeatureExtractor',
        do_center_crop: true,
        size: 224,
        crop_size: 224,
        resample: 3,
      },
      { size: { shortestEdge: 256 }, crop: { width: 224, height: 224 } },
    ],
    [
      'EfficientNet with an offset',
      {
        image_processor_type: 'EfficientNetImageProcessor',
        rescale_factor: 1 / 127.5,
        rescale_offset: true,
        resample: 0,
        size: { height: 224, width: 224 },
        ...imageNet,
      },
      {
        resample: 'nearest',
        rescale: 1 / 127.5,
        mean: [0.485 + 1, 0.456 + 1, 0.406 + 1],
        std: [0.229, 0.224, 0.225],
      },
    ],
    [
      'MobileViT, BGR',
      {
        image_processor_type: 'MobileViTImageProcessor',
        do_normalize: false,
        do_flip_channel_order: true,
        do_center_crop: true,
        size: { shortest_edge: 288 },
        crop_size: { height: 256, width: 256 },
      },
      { order: 'bgr', mean: [0, 0, 0], std: [1, 1, 1] },
    ],
    [
      'neither resized nor rescaled',
      { do_resize: false, do_rescale: false, do_normalize: false, do_center_crop: true, crop_size: 96 },
      { crop: { width: 96, height: 96 }, rescale: 1 },
    ],
    [
      'one of several processors',
      { image_processor: { do_resize: true, size: { height: 32, width: 48 }, ...halves } },
      { size: { width: 48, height: 32 } },
    ],
  ])('%s', async (_, config, wanted) => {
    expect(isHuggingFace(config)).toBe(true)
    expect(await resolvePreprocess(config)).toMatchObject(wanted)
    expect(await resolvePreprocess(fromHuggingFace(config))).toEqual(await resolvePreprocess(config))
  })

  it('fills in what the caller omits and takes precedence over the model file', async () => {
    const own = { image_mean: [0.1, 0.2, 0.3], size: { height: 40, width: 40 } }
    expect(await resolvePreprocess({ size: 32 }, own)).toMatchObject({
      size: { width: 32 },
      mean: [0.1, 0.2, 0.3],
    })
  })

  it.each<[string, HuggingFacePreprocess, string]>([
    ['lanczos', { do_resize: true, resample: 1, size: 224 }, 'preprocess.resample'],
    ['padding', { do_pad: true, size: 224 }, 'preprocess.do_pad'],
    ['a longest edge', { do_resize: true, size: { shortest_edge: 800, longest_edge: 1333 } }, 'longest_edge'],
    ['nonsense', { do_resize: true, size: -3 }, 'preprocess.size'],
  ])('%s is rejected', async (_, config, argument) => {
    await expect(resolvePreprocess(config)).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: expect.stringContaining(argument) }),
    )
  })

  it('our own options are not mistaken for one', () => {
    expect(isHuggingFace({ size: 224, resample: 'bicubic', mean: [0, 0, 0] })).toBe(false)
    expect(isHuggingFace({})).toBe(false)
  })
})
