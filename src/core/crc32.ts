/**
 * Four tables of CRC-32 with 256 entries each. Table `k` gives the effect of a byte that is followed by `k` more bytes,
 * so that four bytes can be processed at once ("slicing by 4").
 */
const tables = new Int32Array(1024)
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  tables[byte] = value
}
for (let i = 256; i < 1024; i++) tables[i] = (tables[i - 256] >>> 8) ^ tables[tables[i - 256] & 255]

/** Updates a CRC-32 checksum, as used in zip archives and PNG files, with more bytes. Start with 0. */
export function crc32(sum: number, bytes: Uint8Array): number {
  let value = ~sum
  let i = 0
  for (const end = bytes.length - 3; i < end; i += 4) {
    value ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    value =
      tables[768 + (value & 255)] ^
      tables[512 + ((value >>> 8) & 255)] ^
      tables[256 + ((value >>> 16) & 255)] ^
      tables[value >>> 24]
  }
  for (; i < bytes.length; i++) value = tables[(value ^ bytes[i]) & 255] ^ (value >>> 8)
  return ~value >>> 0
}
