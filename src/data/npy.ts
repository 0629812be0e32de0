import type { Matrix } from '../core/matrix.ts'
import { checkBatchSize } from './batch-size.ts'
import { ByteReader } from './byte-reader.ts'
import { chunksOf, type DataSource, type ReadOptions, unreadable } from './data-source.ts'
import { NdArray, type NdArrayLike, type NdData } from './nd-array.ts'
import { type NpyElements, type NpyType, npyEncode, npyType } from './npy-types.ts'

const FORMAT = 'a NumPy .npy file'
const MAGIC = '\x93NUMPY'
/** The longest header in bytes; NumPy refuses longer ones too. */
const MAX_HEADER_BYTES = 10_000

export interface BatchOptions extends ReadOptions {
  /** Rows per batch, default 1024; the last batch may have fewer. */
  batchSize?: number | undefined
}

interface Header {
  type: NpyType
  columnOrder: boolean
  shape: number[]
  /** The total number of elements. */
  size: number
}

/**
 * Reads a NumPy `.npy` file of numbers (any type except complex), booleans or strings (`U`, `S`). Arrays in Fortran
 * order are returned in row-major order.
 *
 * @throws {SoftmarginError} `DATA_UNREADABLE` for other or damaged files, and for object arrays, which are pickled
 *   and could run code; `FILE_UNREADABLE`, `INVALID_ARGUMENT`, `ABORTED`
 */
export async function readNpy(source: DataSource, o: ReadOptions = {}): Promise<NdArray> {
  return readArray(chunksOf(source, o))
}

/** Reads one array from the bytes of a file; trailing bytes are an error. */
export async function readArray(pieces: AsyncIterable<Uint8Array>): Promise<NdArray> {
  const reader = readerOf(pieces)
  try {
    const { type, columnOrder, shape, size } = await readHeader(reader)
    const data = type.decode(await reader.exactly(size * type.size))
    await checkEnd(reader)
    return new NdArray(columnOrder ? inRowOrder(data, shape) : data, shape)
  } finally {
    await reader.close()
  }
}

/**
 * Reads rows of numbers as float32, batch by batch, for files that do not fit in memory.
 *
 * @returns batches of equal width; an array of one dimension has one column
 * @throws {SoftmarginError} as `readNpy`, and `DATA_UNREADABLE` for strings, for more than two dimensions, and for an
 *   array in Fortran order, whose rows are not contiguous
 */
export async function* npyBatches(source: DataSource, o: BatchOptions = {}): AsyncGenerator<Matrix> {
  yield* batchesOf(chunksOf(source, o), o)
}

/** Reads batches from the bytes of a file. */
export async function* batchesOf(
  pieces: AsyncIterable<Uint8Array>,
  { batchSize = 1024 }: BatchOptions,
): AsyncGenerator<Matrix> {
  checkBatchSize(batchSize)
  const reader = readerOf(pieces)
  try {
    const { type, columnOrder, shape } = await readHeader(reader)
    const [rows, cols = 1] = shape
    if (shape.length !== 1 && shape.length !== 2) {
      throw unreadable(FORMAT, `it has ${shape.length} dimensions where an array of rows has 1 or 2`)
    }
    if (columnOrder && cols > 1)
      throw unreadable(
        FORMAT,
        'it is in Fortran order, in which rows are not contiguous and so cannot be streamed',
      )
    for (let done = 0; done < rows && cols > 0; done += batchSize) {
      const count = Math.min(batchSize, rows - done)
      const data = type.decode(await reader.exactly(count * cols * type.size))
      yield new NdArray(data, [count, cols]).toMatrix()
    }
    await checkEnd(reader)
  } finally {
    await reader.close()
  }
}

/**
 * Encodes an array as a `.npy` file of version 1.0, as `numpy.save` does: a `Matrix` as float32, strings as `U`,
 * integers as int64, other numbers as float64, typed arrays with their element type.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function writeNpy(value: NdArrayLike): Uint8Array<ArrayBuffer> {
  const { data, shape } = NdArray.from(value)
  return npyFile(npyEncode(data), shape)
}

/** Returns elements in row-major order as a `.npy` file. */
export function npyFile({ descr, bytes }: NpyElements, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const dictionary = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  // Padded with spaces and a line feed so that the data begins at a multiple of 64 bytes.
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10
  const file = new Uint8Array(10 + length + bytes.length)
  const text = `${MAGIC}\x01\x00${String.fromCharCode(length & 255, length >> 8)}${dictionary.padEnd(length - 1)}\n`
  for (let i = 0; i < text.length; i++) file[i] = text.charCodeAt(i)
  file.set(bytes, text.length)
  return file
}

function readerOf(pieces: AsyncIterable<Uint8Array>): ByteReader {
  return new ByteReader(pieces, (wanted, got) =>
    unreadable(FORMAT, `it is truncated: ${wanted} bytes are needed where ${got} are left`),
  )
}

async function checkEnd(reader: ByteReader): Promise<void> {
  if (!(await reader.atEnd())) throw unreadable(FORMAT, 'there are bytes after its array')
}

async function readHeader(reader: ByteReader): Promise<Header> {
  const start = await reader.upTo(8)
  if (latin(start.subarray(0, 6)) !== MAGIC || start.length < 8) {
    throw unreadable(FORMAT, "it does not begin with '\\x93NUMPY'")
  }
  const version = start[6]
  if (version < 1 || version > 3 || start[7] !== 0) {
    throw unreadable(FORMAT, `its version is ${version}.${start[7]} (supported: 1.0, 2.0 and 3.0)`)
  }
  const lengthBytes = await reader.exactly(version === 1 ? 2 : 4)
  const length = lengthBytes.reduceRight((sum, byte) => sum * 256 + byte, 0)
  if (length > MAX_HEADER_BYTES) throw unreadable(FORMAT, `it declares a header of ${length} bytes`)
  const text = latin(await reader.exactly(length))

  const descr = /'descr'\s*:\s*'([^']{0,20})'/.exec(text)?.[1]
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1]
  const tuple = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(text)?.[1]
  if (order === undefined || tuple === undefined) throw unreadable(FORMAT, 'its header is damaged')
  const type = descr === undefined ? undefined : npyType(descr)
  if (type === undefined) {
    const what = descr === undefined ? 'records' : `type '${descr}'`
    throw unreadable(FORMAT, `its elements are ${what} (supported: numbers and strings)`)
  }
  const shape = tuple.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]))
  const size = shape.reduce((product, each) => product * each, 1)
  if (shape.length > 32 || !shape.every(Number.isSafeInteger) || !Number.isSafeInteger(size * type.size)) {
    throw unreadable(FORMAT, 'its shape is invalid')
  }
  return { type, columnOrder: order === 'True' && shape.length > 1, shape, size }
}

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

/** Converts elements from Fortran order (the first index varies fastest) to row-major order. */
function inRowOrder(data: NdData, shape: readonly number[]): NdData {
  const out = data.slice() as unknown[]
  const index = new Array<number>(shape.length).fill(0)
  for (let from = 0; from < data.length; from++) {
    let to = 0
    for (const [d, length] of shape.entries()) to = to * length + index[d]
    out[to] = data[from]
    for (let d = 0; d < shape.length && ++index[d] === shape[d]; d++) index[d] = 0
  }
  return out as NdData
}
