const head = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10]
/** `i8x16.popcnt` */
const fixed = [...head, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]
/** `i8x16.relaxed_swizzle` */
const relaxed = [...head, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11]

/** The SIMD instructions that this host supports. */
export function simdLevel() {
  if (WebAssembly.validate(Uint8Array.from(relaxed))) return 'relaxed'
  return WebAssembly.validate(Uint8Array.from(fixed)) ? 'fixed' : 'none'
}
