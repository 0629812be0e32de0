import type { RawImage } from './image-input.ts'

/** RGBA pixels as one integer each, red in the lowest byte, so that one load replaces four. */
export function pixelWords(data: RawImage['data']): Int32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice()
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length >> 2)
}
