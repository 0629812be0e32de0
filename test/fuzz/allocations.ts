// Must be imported before the code whose allocations it watches.

/** Bytes of the largest typed array that was allocated by length since the last call of `takeLargestAllocation`. */
let largest = 0

const watched = [
  'ArrayBuffer',
  'Uint8Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
] as const

for (const name of watched) {
  const original = globalThis[name]
  const size = 'BYTES_PER_ELEMENT' in original ? original.BYTES_PER_ELEMENT : 1
  const proxy: unknown = new Proxy(original, {
    construct(target, args, newTarget) {
      const [length] = args
      if (typeof length === 'number') largest = Math.max(largest, length * size)
      return Reflect.construct(target, args, newTarget === proxy ? target : newTarget)
    },
  })
  Object.defineProperty(globalThis, name, { value: proxy, configurable: true, writable: true })
}

/** Returns the size of the largest allocation since the last call, in bytes. */
export function takeLargestAllocation(): number {
  const result = largest
  largest = 0
  return result
}
