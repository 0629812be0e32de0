import type { RawImage } from './image-input.ts'

/** Decodes a file whose format has been recognised from its first bytes. */
export type Decode = (bytes: Uint8Array) => RawImage | Promise<RawImage>

/**
 * Decoders other than those of JPEG and PNG, by format as in `describeFileType`; `CMYK` is a JPEG with four components.
 */
const decoders = new Map<string, () => Promise<Decode>>()

/** Adds formats. The code of each is loaded when its first image is decoded. */
export function useFormats(more: Record<string, () => Promise<Decode>>): void {
  for (const [format, load] of Object.entries(more)) decoders.set(format, load)
}

/** The decoder of a format, if there is one. */
export async function decoderOf(format: string): Promise<Decode | undefined> {
  return decoders.get(format)?.()
}

/** Whether formats other than JPEG and PNG are supported. */
export function hasMoreFormats(): boolean {
  return decoders.size > 0
}
