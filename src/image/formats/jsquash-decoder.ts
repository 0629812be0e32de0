import { type Codec, codecFault, codecModule } from '../../host/modules/codecs.ts'
import type { RawImage } from '../image-input.ts'

/** The exports of a jSquash decoder. */
interface JsquashModule {
  default: (buffer: ArrayBuffer) => Promise<{ data: Uint8ClampedArray; width: number; height: number } | null>
  init: (...args: never[]) => Promise<void>
}

/**
 * A jSquash decoder whose code and WebAssembly are loaded when the first image of its format is decoded. Images are
 * decoded one at a time. After an image that fails, the next one gets a new instance, because a failed decode leaks
 * memory and may leave the instance in an invalid state.
 */
export class JsquashDecoder {
  readonly #codec: Codec
  readonly #load: () => Promise<unknown>
  #module: WebAssembly.Module | undefined
  #ready: Promise<JsquashModule> | undefined
  #isRunning = false
  #last: Promise<unknown> = Promise.resolve()

  /** @param load imports the decoder */
  constructor(codec: Codec, load: () => Promise<unknown>) {
    this.#codec = codec
    this.#load = load
  }

  /** @throws {SoftmarginError} `FILE_UNREADABLE` if the decoder cannot be loaded @throws {Error} for a damaged file */
  decode(bytes: Uint8Array): Promise<RawImage> {
    const result = this.#last.then(() => this.#decodeAlone(bytes))
    this.#last = result.catch(() => {})
    return result
  }

  async #decodeAlone(bytes: Uint8Array): Promise<RawImage> {
    try {
      this.#ready ??= this.#start()
      const { default: decode } = await this.#ready
      const image = await decode(bytes as unknown as ArrayBuffer)
      if (!image) throw new Error('its compressed pixels are damaged')
      return { data: image.data, width: image.width, height: image.height, channels: 4 }
    } catch (cause) {
      this.#ready = undefined
      if (!this.#isRunning) throw await codecFault(this.#codec, cause)
      throw new Error('its compressed pixels are damaged', { cause })
    }
  }

  async #start(): Promise<JsquashModule> {
    this.#isRunning = false
    const decoder = (await this.#load()) as JsquashModule
    this.#module ??= await codecModule(this.#codec)
    // The type definitions of jSquash omit that the module may be the first argument.
    const init = decoder.init as (module: WebAssembly.Module | undefined, options: object) => Promise<void>
    await init(this.#module, {
      print: () => {},
      printErr: () => {},
      onRuntimeInitialized: () => {
        this.#isRunning = true
      },
    })
    return decoder
  }
}
