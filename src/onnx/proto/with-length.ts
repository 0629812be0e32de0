/** Prefixes bytes with their length, as the data of an `UnknownField`. */
export function withLength(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  // A varint: seven bits in each byte, the lowest first, and the eighth bit set if more follow.
  const prefix: number[] = []
  let rest = bytes.length
  for (; rest > 127; rest = Math.floor(rest / 128)) prefix.push((rest % 128) + 128)
  prefix.push(rest)
  const out = new Uint8Array(prefix.length + bytes.length)
  out.set(prefix)
  out.set(bytes, prefix.length)
  return out
}
