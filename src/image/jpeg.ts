import { codecFault, codecModule } from '../host/modules/codecs.ts'
import { decoderOf } from './format-registry.ts'
import type { RawImage } from './image-input.ts'
import { MAX_METADATA_SEGMENTS, MAX_SCANS, scanSegments, withoutMetadata } from './jpeg-segments.ts'
import { checkArea } from './limits.ts'

/** Messages of the decoder (libjpeg), which fills missing data with grey and only warns. */
let warnings: string[] = []
let ready: Promise<void> | undefined
let module: WebAssembly.Module | undefined
/** The decoder's script, loaded with the first JPEG image. */
let codec: typeof import('@jsquash/jpeg/decode.js') | undefined
/** Whether the decoder's WebAssembly is running; `init` does not wait for that. */
let isRunning = false
/** The previous decode. Decodes run one at a time, so that warnings can be attributed to one image. */
let last: Promise<unknown> = Promise.resolve()

/**
 * Decodes a JPEG file (baseline or progressive; grey or colour) and applies its EXIF orientation.
 *
 * @returns opaque RGBA
 * @throws {Error} with a message that says what is wrong with the file
 */
export function decodeJpeg(bytes: Uint8Array): Promise<RawImage> {
  const result = last.then(() => decodeAlone(bytes))
  last = result.catch(() => {})
  return result
}

async function decodeAlone(bytes: Uint8Array): Promise<RawImage> {
  const { width, height, components, metadata, scans } = scanSegments(bytes)
  checkArea(width, height)
  if (scans > MAX_SCANS)
    throw new Error(`it has more than ${MAX_SCANS} scans, each of which takes as long as a whole image`)
  const needed = metadata.length > MAX_METADATA_SEGMENTS ? withoutMetadata(bytes, metadata) : bytes
  if (components === 4) {
    const decodeCmyk = await decoderOf('CMYK')
    if (!decodeCmyk)
      throw new Error('its colours are CMYK, which softmargin/lite and the entry for workerd do not read')
    return await decodeCmyk(needed)
  }
  await (ready ??= start().catch(forget))
  warnings = []
  try {
    const image = await codec!.default(needed as unknown as ArrayBuffer, { preserveOrientation: true })
    const damage = warnings.find(isDamage)
    if (damage) throw new Error(damage)
    return { data: image.data, width: image.width, height: image.height, channels: 4 }
  } catch (error) {
    // The decoder throws without freeing its memory, so the next image gets a new instance.
    ready = undefined
    if (!isRunning) throw await codecFault('jpeg', error)
    const said = warnings.find((warning) => /^premature end/i.test(warning))
    if (said) throw new Error(`it is truncated (${said})`, { cause: error })
    throw new Error(`it is damaged (${warnings.at(-1) ?? error})`, { cause: error })
  }
}

async function start(): Promise<void> {
  isRunning = false
  module ??= await codecModule('jpeg')
  codec ??= await import('@jsquash/jpeg/decode.js').catch(async (cause) => {
    throw await codecFault('jpeg', cause)
  })
  // The type definitions of jSquash omit that the module may be the first argument.
  const initWith = codec.init as (module: WebAssembly.Module | undefined, options: object) => Promise<void>
  await initWith(module, {
    print: () => {},
    printErr: (text: string) => warnings.push(text),
    onRuntimeInitialized: () => {
      isRunning = true
    },
  })
}

/** Discards a failed start, so that the next image retries it. */
function forget(error: unknown): never {
  ready = undefined
  throw error
}

/** Whether a warning means missing or wrong pixels. Extraneous bytes between segments are harmless. */
function isDamage(warning: string): boolean {
  return /^premature end|^corrupt jpeg data/i.test(warning) && !/extraneous bytes/i.test(warning)
}
