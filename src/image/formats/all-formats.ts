import { useFormats } from '../format-registry.ts'

/**
 * Adds WebP, AVIF, GIF, BMP and CMYK JPEG. The entries of the package call this, except `softmargin/lite` and those for
 * workerd, whose bundles contain everything that they can import.
 */
export function addFormats(): void {
  useFormats({
    'a WebP image': async () => (await import('./webp.ts')).decodeWebp,
    'an AVIF image': async () => (await import('./avif.ts')).decodeAvif,
    'a GIF image': async () => (await import('./gif.ts')).decodeGif,
    'a BMP image': async () => (await import('./bmp.ts')).decodeBmp,
    CMYK: async () => (await import('./cmyk-jpeg.ts')).decodeCmykJpeg,
  })
}
