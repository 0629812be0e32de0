import { type Zippable, zipSync } from 'fflate'
import { invalidArgument, SoftmarginError, show } from '../core/errors.ts'
import type { Matrix } from '../core/matrix.ts'
import { chunksOf, type DataSource, type ReadOptions, unreadable } from './data-source.ts'
import type { NdArray, NdArrayLike } from './nd-array.ts'
import { type BatchOptions, batchesOf, readArray, writeNpy } from './npy.ts'
import { zipMembers } from './zip.ts'

const FORMAT = 'a NumPy .npz file'

/**
 * Reads all arrays of a NumPy `.npz` file, compressed or not, by name.
 *
 * @returns an object without a prototype, so that any name is safe
 * @throws {SoftmarginError} `DATA_UNREADABLE`, and as `readNpy`
 */
export async function readNpz(source: DataSource, o: ReadOptions = {}): Promise<Record<string, NdArray>> {
  const arrays: Record<string, NdArray> = Object.create(null)
  for await (const { name, bytes } of zipMembers(chunksOf(source, o))) {
    const key = keyOf(name)
    if (key in arrays) throw unreadable(FORMAT, `it holds two arrays named ${show(key)}`)
    arrays[key] = await readArray(bytes)
  }
  return arrays
}

/**
 * Reads the rows of one array of a `.npz` file batch by batch, as `npyBatches` does.
 *
 * @param name the name of the array
 * @throws {SoftmarginError} as `npyBatches`; `INVALID_ARGUMENT` if there is no array of that name
 */
export async function* npzBatches(
  source: DataSource,
  name: string,
  o: BatchOptions = {},
): AsyncGenerator<Matrix> {
  const others: string[] = []
  for await (const member of zipMembers(chunksOf(source, o))) {
    const key = keyOf(member.name)
    if (key === name) {
      yield* batchesOf(member.bytes, o)
      return
    }
    others.push(key)
  }
  throw invalidArgument('name', name, `the name of an array in the file: ${others.join(', ')}`)
}

/** Offsets in a zip archive are 32-bit numbers. What is left is for the names and headers of its members. */
const MAX_BYTES = 2 ** 32 - 2 ** 24

/**
 * Encodes arrays as a `.npz` file, as `numpy.savez` does. The same arrays always give the same bytes.
 *
 * @param arrays by name
 * @param o.compress whether to compress them, as `numpy.savez_compressed` does; default false
 * @throws {SoftmarginError} `INVALID_ARGUMENT`; `OUT_OF_MEMORY` for 4 GiB of numbers and more, which the zip format
 *   without its 64-bit extension cannot hold
 */
export function writeNpz(
  arrays: Readonly<Record<string, NdArrayLike>>,
  o: { compress?: boolean | undefined } = {},
): Uint8Array<ArrayBuffer> {
  checkNpzBytes(Object.values(arrays).reduce((sum, value) => sum + byteLength(value), 0))
  const files = Object.entries(arrays).map(([name, value]) => [name, writeNpy(value)] as const)
  return npzOf(Object.fromEntries(files), o)
}

/** @throws {SoftmarginError} `OUT_OF_MEMORY` for arrays of more bytes than a `.npz` file can hold */
export function checkNpzBytes(bytes: number): void {
  if (bytes <= MAX_BYTES) return
  throw new SoftmarginError(
    'OUT_OF_MEMORY',
    `arrays of ${bytes} bytes do not fit in one .npz file, which holds at most 4 GiB; write several files`,
    { argument: 'arrays', received: bytes, expected: `at most ${MAX_BYTES} bytes` },
  )
}

/** Joins `.npy` files to one `.npz` file, as `writeNpz` does. @param arrays by name */
export function npzOf(
  arrays: Readonly<Record<string, Uint8Array>>,
  o: { compress?: boolean | undefined } = {},
): Uint8Array<ArrayBuffer> {
  const files: Zippable = {}
  for (const [name, file] of Object.entries(arrays)) files[`${name}.npy`] = file
  // A fixed time, for reproducible files: the earliest one that zip archives can represent.
  return zipSync(files, { level: o.compress ? 6 : 0, mtime: new Date(1980, 0, 1) })
}

/** Returns the bytes of the numbers of an array; 0 for plain lists, which are far smaller than the limit. */
function byteLength(value: NdArrayLike): number {
  const data = 'data' in value ? value.data : value
  return ArrayBuffer.isView(data) ? data.byteLength : 0
}

function keyOf(name: string): string {
  return name.endsWith('.npy') ? name.slice(0, -4) : name
}
