import { SoftmarginError } from '../../core/errors.ts'
import type { EngineExports } from './exports.ts'
import { engineModule, type Simd } from './module.ts'

const PAGE = 65536
const ALIGNMENT = 64
/** 0 stands for 'no row', so nothing lies there. */
const FIRST_ADDRESS = 64
/** The end of 32-bit memory, less what `maximumMemory` leaves out. */
const LIMIT = 65536 * PAGE - PAGE

/** A part of a memory that threads share: what one of them allocates from. */
export interface Region {
  memory: WebAssembly.Memory
  from: number
  to: number
}

/** Bytes of memory that an engine may keep while nobody has work for it. */
const KEPT = 2 ** 24

/** An engine of each build that nobody works with: to make one takes longer than a small fit. */
const idle = new Map<Simd, Engine>()

/**
 * One instance of the wasm engine with a memory of its own, handed out from the bottom up.
 *
 * An instance serves one fit or one predictor: its memory goes when they do, so nothing is freed piece by piece and
 * nothing fragments. `mark` and `release` give back what was taken since. A small one that was closed serves the next.
 *
 * With threads the memory is shared: every other thread has an instance on a region of it.
 */
export class Engine {
  readonly exports: EngineExports
  readonly memory: WebAssembly.Memory
  #top: number
  readonly #first: number
  readonly #limit: number
  readonly #simd: Simd

  private constructor(module: WebAssembly.Module, { memory, from, to }: Region, simd: Simd) {
    this.#simd = simd
    const instance = new WebAssembly.Instance(module, { env: { memory } })
    this.exports = instance.exports as unknown as EngineExports
    this.memory = memory
    this.#top = from
    this.#limit = to
    this.exports.useScratch(this.allocate(this.exports.SCRATCH_BYTES.value))
    this.#first = this.#top
  }

  /** @param shared whether threads are to share the memory */
  static async open(simd: Simd, shared = false): Promise<Engine> {
    const kept = shared ? undefined : idle.get(simd)
    if (kept) {
      idle.delete(simd)
      return kept
    }
    const module = await engineModule(simd, shared)
    const memory = new WebAssembly.Memory({ initial: 1, maximum: LIMIT / PAGE + 1, shared })
    return new Engine(module, { memory, from: FIRST_ADDRESS, to: LIMIT }, simd)
  }

  /** Ends its use: whoever closes it has no address in it left. */
  close(): void {
    this.#top = this.#first
    if (this.memory.buffer instanceof ArrayBuffer && this.memory.buffer.byteLength <= KEPT) {
      idle.set(this.#simd, this)
    }
  }

  /** An instance on a part of another's shared memory. */
  static async join(simd: Simd, region: Region): Promise<Engine> {
    return new Engine(await engineModule(simd, true), region, simd)
  }

  /** Rows that are computed together: whole strips, and a multiple of 8 so that blocks can be mirrored. */
  get blockRows(): number {
    return this.exports.TILE_ROWS.value * 32
  }

  /**
   * Takes `bytes` bytes, not cleared.
   *
   * @throws {SoftmarginError} `OUT_OF_MEMORY`
   */
  allocate(bytes: number): number {
    const address = this.#top
    const end = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT
    const have = this.memory.buffer.byteLength
    if (end > this.#limit) throw outOfMemory(end, this.#limit)
    if (end > have) {
      try {
        this.memory.grow(Math.ceil((end - have) / PAGE))
      } catch (cause) {
        throw outOfMemory(end, have, cause)
      }
    }
    this.#top = end
    return address
  }

  /**
   * Makes sure, before long work starts, that so many bytes more can be had.
   *
   * @throws {SoftmarginError} `OUT_OF_MEMORY`
   */
  reserve(bytes: number): void {
    const mark = this.mark()
    this.allocate(bytes)
    this.release(mark)
  }

  /** Bytes that are left, if the host gives them. */
  get room(): number {
    return this.#limit - this.#top
  }

  mark(): number {
    return this.#top
  }

  release(mark: number): void {
    this.#top = mark
  }

  /** Views: good until the next `allocate`, which may move the memory. */
  float32(address: number, length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.memory.buffer as ArrayBuffer, address, length)
  }

  float64(address: number, length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.memory.buffer as ArrayBuffer, address, length)
  }

  int32(address: number, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.memory.buffer as ArrayBuffer, address, length)
  }

  /** Moves bytes inside the memory. */
  copy(to: number, from: number, bytes: number): void {
    new Uint8Array(this.memory.buffer).copyWithin(to, from, from + bytes)
  }
}

function outOfMemory(needed: number, available: number, cause?: unknown): SoftmarginError {
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`
  return new SoftmarginError(
    'OUT_OF_MEMORY',
    `${megabytes(needed)} of WebAssembly memory are needed, but only ${megabytes(available)} are to be had: take fewer rows or columns`,
    { received: needed, expected: `at most ${available} bytes`, cause },
  )
}
