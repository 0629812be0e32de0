const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/** Updates a CRC-32 checksum, as used in zip archives, with more bytes. Start with 0. */
export function crc32(sum: number, bytes: Uint8Array): number {
  let value = ~sum
  for (let i = 0; i < bytes.length; i++) value = table[(value ^ bytes[i]) & 255] ^ (value >>> 8)
  return ~value >>> 0
}
