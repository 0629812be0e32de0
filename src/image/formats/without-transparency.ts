import { pixelWords } from '../pixel-words.ts'
import type { RawImage } from '../raw-image.ts'

/** Converts pixels to opaque RGBA, blending transparent ones with white. Opaque RGBA is returned unchanged. */
export function withoutTransparency(image: RawImage): RawImage & { channels: 4 } {
  const { data, width, height, channels } = image
  if (channels === 4 && isOpaque(data)) return { data, width, height, channels }
  const rgba = new Uint8ClampedArray(width * height * 4)
  for (let from = 0, to = 0; to < rgba.length; from += channels, to += 4) {
    const alpha = channels === 4 ? data[from + 3] : 255
    for (let c = 0; c < 3; c++) {
      const value = data[channels === 1 ? from : from + c]
      rgba[to + c] = alpha === 255 ? value : Math.round((value * alpha + 255 * (255 - alpha)) / 255)
    }
    rgba[to + 3] = 255
  }
  return { data: rgba, width, height, channels: 4 }
}

function isOpaque(data: RawImage['data']): boolean {
  const words = pixelWords(data)
  let all = -1
  for (let i = 0; i < words.length && all >>> 24 === 255; ) {
    for (const end = Math.min(i + 4096, words.length); i < end; i++) all &= words[i]
  }
  return all >>> 24 === 255
}
