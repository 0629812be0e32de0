import type { RawImage } from './image-input.ts'

/** Decodes a file whose format has been recognised by its first bytes. */
export type Decode = (bytes: Uint8Array) => RawImage | Promise<RawImage>

/** Formats, as `describeFileType` names them, beside JPEG and PNG; `CMYK` is a JPEG of four colours. */
const decoders = new Map<string, () => Promise<Decode>>()

/** Adds formats. Their code is loaded when the first image of each is met. */
export function useFormats(more: Record<string, () => Promise<Decode>>): void {
  for (const [format, load] of Object.entries(more)) decoders.set(format, load)
}

/** The decoder of a format, if there is one. */
export async function decoderOf(format: string): Promise<Decode | undefined> {
  return decoders.get(format)?.()
}

/** Whether more formats than JPEG and PNG are read. */
export function hasMoreFormats(): boolean {
  return decoders.size > 0
}
