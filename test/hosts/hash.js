/** A 64-bit hash of bytes, the same on every host: two FNV-1a hashes of 32 bits with different offsets. */
export function hashBytes(bytes) {
  let one = 0x811c9dc5
  let two = 0x9747b28c
  for (const byte of bytes) {
    one = Math.imul(one ^ byte, 0x01000193)
    two = Math.imul(two ^ byte ^ (one >>> 24), 0x01000193)
  }
  return [one, two].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
}

/** The same for numbers, strings, typed arrays, and arrays and objects of these. */
export function hash(value) {
  return hashBytes(bytesOf(value))
}

function* bytesOf(value) {
  if (ArrayBuffer.isView(value)) yield* new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  else if (typeof value === 'number') yield* new Uint8Array(Float64Array.of(value).buffer)
  else if (value !== null && typeof value === 'object') {
    for (const [key, field] of Object.entries(value)) {
      yield* bytesOf(key)
      yield* bytesOf(field)
    }
  } else yield* new TextEncoder().encode(String(value))
}
