import { SoftmarginError } from '../../core/errors.ts'
import type { EngineExports } from './bindings.ts'
import { type EnginePart, engineModule, type Simd } from './module.ts'

const PAGE = 65536
const ALIGNMENT = 64
/** Address 0 means 'no row', so it is never allocated. */
const FIRST_ADDRESS = 64
/** 4 GiB less one page, in bytes. */
const LIMIT = 65536 * PAGE - PAGE

/** A range of a shared memory from which one thread allocates: bytes `from` (inclusive) to `to` (exclusive). */
export interface Region {
  memory: WebAssembly.Memory
  from: number
  to: number
}

/** Instances with more memory than this (16 MiB) are not reused. */
const MAX_REUSED_BYTES = 2 ** 24

/** A WebAssembly instance and the memory that it imports. */
interface Instance {
  instance: WebAssembly.Instance
  memory: WebAssembly.Memory
}

/** An instance for each build and part that no engine uses: instantiating one takes longer than a small fit. */
const idle = new Map<Kind, Instance>()

type Kind = `${Simd} ${EnginePart}`

/**
 * An instance of the WebAssembly engine with its own memory and a bump allocator.
 *
 * An engine is used by one fit or one predictor and its memory is freed with it, so there is no individual `free`
 * and no fragmentation. `release(mark)` frees everything allocated since `mark()`. After `close`, another engine may use
 * the WebAssembly instance, if its memory is small.
 *
 * With threads the memory is shared, and every other thread has an instance that allocates from a region of it.
 */
export class Engine {
  readonly exports: EngineExports
  readonly memory: WebAssembly.Memory
  readonly #instance: WebAssembly.Instance
  /** The next free address. */
  #next: number
  readonly #limit: number
  readonly #kind: Kind
  #isOpen = true
  /** Views are of this buffer, instead of the memory, during `measure`. */
  #dummyBuffer: ArrayBuffer | undefined

  private constructor(instance: WebAssembly.Instance, { memory, from, to }: Region, kind: Kind) {
    this.#kind = kind
    this.#instance = instance
    this.exports = instance.exports as unknown as EngineExports
    this.memory = memory
    this.#next = from
    this.#limit = to
    // Working memory of the kernels, at an address that each instance has for itself.
    this.exports.useScratch(this.allocate(this.exports.SCRATCH_BYTES.value))
  }

  /**
   * Creates an engine, on the WebAssembly instance of a closed one if there is one.
   *
   * @param shared whether threads will share the memory. Default false
   * @param part which exports are needed. Default `'whole'`
   * @throws {SoftmarginError} `INVALID_ARGUMENT` for an unknown build; `HOST_UNSUPPORTED` if the host lacks the SIMD instructions
   */
  static async open(simd: Simd, shared = false, part: EnginePart = 'whole'): Promise<Engine> {
    const kind: Kind = `${simd} ${part}`
    const unused = shared ? undefined : idle.get(kind)
    if (unused) idle.delete(kind)
    const { instance, memory } = unused ?? (await instantiate(simd, shared, part))
    return new Engine(instance, { memory, from: FIRST_ADDRESS, to: LIMIT }, kind)
  }

  /** Closes the engine, whose addresses are no longer valid. A second `close` does nothing. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { memory } = this
    // A memory that threads share is a SharedArrayBuffer.
    if (memory.buffer instanceof ArrayBuffer && memory.buffer.byteLength <= MAX_REUSED_BYTES) {
      idle.set(this.#kind, { instance: this.#instance, memory })
    }
  }

  /** Creates an engine that allocates from a region of another engine's shared memory. */
  static async join(simd: Simd, region: Region): Promise<Engine> {
    const { memory } = region
    const instance = new WebAssembly.Instance(await engineModule(simd, true), { env: { memory } })
    return new Engine(instance, region, `${simd} whole`)
  }

  /** Rows per block of the matrix product: 32 register tiles of TILE_ROWS rows; a multiple of 8, as `transpose` needs. */
  get blockRows(): number {
    return this.exports.TILE_ROWS.value * 32
  }

  /**
   * Allocates `bytes` bytes, 64-byte aligned and not cleared, and returns their address. May grow the memory, which
   * invalidates views.
   *
   * @throws {SoftmarginError} `OUT_OF_MEMORY`
   */
  allocate(bytes: number): number {
    const address = this.#next
    const end = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT
    if (!this.#dummyBuffer) this.#growTo(end)
    this.#next = end
    return address
  }

  #growTo(end: number): void {
    const have = this.memory.buffer.byteLength
    if (end > this.#limit) throw outOfMemory(end, this.#limit)
    if (end <= have) return
    try {
      this.memory.grow(Math.ceil((end - have) / PAGE))
    } catch (cause) {
      throw outOfMemory(end, have, cause)
    }
  }

  /**
   * Returns the number of bytes that `allocate` would allocate in this engine. During the call allocations are only
   * counted, and writes to views are lost. `allocate` must not call WebAssembly exports or `copy`.
   */
  measure(allocate: () => unknown): number {
    const [mark, outer] = [this.#next, this.#dummyBuffer]
    this.#dummyBuffer ??= new ArrayBuffer(0)
    try {
      allocate()
      return this.#next - mark
    } finally {
      this.#next = mark
      this.#dummyBuffer = outer
    }
  }

  /** Allocates a region from which another instance can allocate `bytes` bytes, in addition to what each instance needs. */
  allocateRegion(bytes: number): Region {
    const scratch = this.measure(() => this.allocate(this.exports.SCRATCH_BYTES.value))
    const from = this.allocate(scratch + bytes)
    return { memory: this.memory, from, to: this.#next }
  }

  /**
   * Grows the memory so that `bytes` more bytes can be allocated: fails early, before a long computation starts.
   *
   * @throws {SoftmarginError} `OUT_OF_MEMORY`
   */
  reserve(bytes: number): void {
    const mark = this.mark()
    this.allocate(bytes)
    this.release(mark)
  }

  /** Bytes left up to the limit; the host may be unable to provide them. */
  get room(): number {
    return this.#limit - this.#next
  }

  /** The current end of the allocations, for `release`. */
  mark(): number {
    return this.#next
  }

  /** Frees everything allocated since `mark`. */
  release(mark: number): void {
    this.#next = mark
  }

  /** A view of `length` elements of the memory. Valid until the next `allocate`, which may detach the buffer. */
  float32(address: number, length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#buffer(length * 4), this.#dummyBuffer ? 0 : address, length)
  }

  /** As `float32`. */
  float64(address: number, length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#buffer(length * 8), this.#dummyBuffer ? 0 : address, length)
  }

  /** As `float32`. */
  int32(address: number, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#buffer(length * 4), this.#dummyBuffer ? 0 : address, length)
  }

  #buffer(bytes: number): ArrayBuffer {
    if (!this.#dummyBuffer) return this.memory.buffer as ArrayBuffer
    if (bytes > this.#dummyBuffer.byteLength) this.#dummyBuffer = new ArrayBuffer(bytes)
    return this.#dummyBuffer
  }

  /** One field of a struct; its offset is in bindings.ts. */
  getInt32(address: number): number {
    return this.int32(address, 1)[0]
  }

  setInt32(address: number, value: number): void {
    this.int32(address, 1)[0] = value
  }

  getFloat64(address: number): number {
    return this.float64(address, 1)[0]
  }

  setFloat64(address: number, value: number): void {
    this.float64(address, 1)[0] = value
  }

  /** Copies bytes within the memory. */
  copy(to: number, from: number, bytes: number): void {
    new Uint8Array(this.memory.buffer).copyWithin(to, from, from + bytes)
  }
}

function outOfMemory(needed: number, available: number, cause?: unknown): SoftmarginError {
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`
  return new SoftmarginError(
    'OUT_OF_MEMORY',
    `${mebibytes(needed)} of WebAssembly memory are needed, but only ${mebibytes(available)} are available; use fewer rows or columns`,
    { received: needed, expected: `at most ${available} bytes`, cause },
  )
}

async function instantiate(simd: Simd, shared: boolean, part: EnginePart): Promise<Instance> {
  const module = await engineModule(simd, shared, part)
  const memory = new WebAssembly.Memory({ initial: 1, maximum: LIMIT / PAGE + 1, shared })
  return { instance: new WebAssembly.Instance(module, { env: { memory } }), memory }
}
