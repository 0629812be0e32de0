// Identifies file formats by their first bytes, for error messages.

/** File formats that can be identified by their first bytes. */
const magic: [format: string, matches: (bytes: Uint8Array) => boolean][] = [
  ['a JPEG image', (b) => startsWith(b, [0xff, 0xd8, 0xff])],
  ['a PNG image', (b) => startsWith(b, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
  ['a GIF image', (b) => ascii(b, 0, 4) === 'GIF8'],
  ['a WebP image', (b) => ascii(b, 0, 4) === 'RIFF' && ascii(b, 8, 4) === 'WEBP'],
  [
    'a BMP image',
    (b) => ascii(b, 0, 2) === 'BM' && b.length >= 18 && b[10] < 255 && b[11] < 8 && b[17] === 0,
  ],
  ['a TIFF image', (b) => ascii(b, 0, 4) === 'II*\0' || ascii(b, 0, 4) === 'MM\0*'],
  ['an AVIF image', (b) => ascii(b, 4, 8) === 'ftypavif' || ascii(b, 4, 8) === 'ftypavis'],
  ['a HEIC image', (b) => /^ftyp(hei[cxms]|hev[cx]|mif1|msf1)/.test(ascii(b, 4, 8))],
  ['a JPEG XL image', (b) => startsWith(b, [0xff, 0x0a]) || ascii(b, 4, 4) === 'JXL '],
  ['a PDF document', (b) => ascii(b, 0, 5) === '%PDF-'],
  ['a ZIP archive', (b) => startsWith(b, [0x50, 0x4b, 0x03, 0x04])],
  ['a gzip archive', (b) => startsWith(b, [0x1f, 0x8b])],
  ['an HDF5 file', (b) => startsWith(b, [0x89, 0x48, 0x44, 0x46])],
  ['a model in ORT format, not ONNX', (b) => ascii(b, 4, 4) === 'ORTM'],
  ['a TensorFlow Lite model', (b) => ascii(b, 4, 4) === 'TFL3'],
  ['a WebAssembly module', (b) => ascii(b, 0, 4) === '\0asm'],
]

/**
 * Describes a file's format for an error message, from its first bytes and never from its name.
 *
 * @returns `'a JPEG image'`, `'an HTML page'`, `'a text file'`, `'empty'`, ... or `'of an unknown format'`
 */
export function describeFileType(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty'
  for (const [format, matches] of magic) if (matches(bytes)) return format
  if (!isText(bytes)) return 'of an unknown format'
  const text = ascii(bytes, 0, 512)
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
    .toLowerCase()
  if (/^(<!doctype html|<html|<head|<body)/.test(text)) return 'an HTML page'
  if (/^(<svg|<\?xml[^>]*>\s*(<!--.*?-->\s*)*<svg)/.test(text)) return 'an SVG drawing'
  if (text.startsWith('version https://git-lfs')) return 'a Git LFS pointer, not the file it points to'
  return 'a text file'
}

/** Whether the first 512 bytes hold no control characters other than white space and escape. */
function isText(bytes: Uint8Array): boolean {
  for (const byte of bytes.subarray(0, 512)) {
    if ((byte < 32 && !(byte >= 9 && byte <= 13) && byte !== 27) || byte === 127) return false
  }
  return true
}

function startsWith(bytes: Uint8Array, prefix: number[]): boolean {
  return prefix.every((byte, i) => bytes[i] === byte)
}

function ascii(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length))
}
