/** The fields of a Hugging Face `preprocessor_config.json` that apply to still images. */
export interface HuggingFacePreprocess {
  image_processor_type?: string | undefined
  feature_extractor_type?: string | undefined
  do_resize?: boolean | undefined
  size?:
    | number
    | {
        height?: number | undefined
        width?: number | undefined
        shortest_edge?: number | undefined
        longest_edge?: number | undefined
      }
    | undefined
  resample?: number | undefined
  do_center_crop?: boolean | undefined
  crop_size?: number | { height: number; width: number } | undefined
  crop_pct?: number | null | undefined
  do_rescale?: boolean | undefined
  rescale_factor?: number | undefined
  rescale_offset?: boolean | undefined
  do_normalize?: boolean | undefined
  image_mean?: readonly number[] | undefined
  image_std?: readonly number[] | undefined
  do_flip_channel_order?: boolean | undefined
  do_pad?: boolean | undefined
  /** Newer files of several processors nest the image processor's settings under this key. */
  image_processor?: HuggingFacePreprocess | undefined
}

/** Whether this is a Hugging Face configuration rather than a `Preprocess`, judged by its field names. */
export function isHuggingFace(config: object): config is HuggingFacePreprocess {
  const isTheirs = (key: string) =>
    /^(do_\w+|image_(mean|std|processor|processor_type)|crop_(size|pct)|rescale_(factor|offset)|feature_extractor_type)$/.test(
      key,
    )
  const { resample, size } = config as { resample?: unknown; size?: unknown }
  const names =
    typeof size === 'object' && size !== null && ('shortest_edge' in size || 'longest_edge' in size)
  return names || typeof resample === 'number' || Object.keys(config).some(isTheirs)
}
