// Imported before everything that it watches.

/** The largest typed array that was asked for by its length since the last look, in bytes. */
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

/** The largest one since the last call, in bytes. */
export function takeLargestAllocation(): number {
  const taken = largest
  largest = 0
  return taken
}
