import decode, { init } from '@jsquash/jpeg/decode.js'
import { codecFault, codecModule } from '../host/modules/codecs.ts'
import type { RawImage } from './image-input.ts'
import { mostMetadata, mostScans, scanSegments, withoutMetadata } from './jpeg-segments.ts'
import { checkArea } from './limits.ts'

/** What the decoder (libjpeg) says while it decodes: it fills what is missing with grey and only warns. */
let warnings: string[] = []
let ready: Promise<void> | undefined
let module: WebAssembly.Module | undefined
/** Whether its WebAssembly was loaded, which `init` does not wait for. */
let isRunning = false
/** The decode before: one at a time, so that warnings belong to one picture. */
let last: Promise<unknown> = Promise.resolve()

/**
 * Decodes a JPEG file (baseline or progressive; grey or colour) upright, as its EXIF orientation tells.
 *
 * @returns RGBA, opaque
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
  if (components === 4) throw new Error('its colours are CMYK, which the decoder does not take')
  if (scans > mostScans)
    throw new Error(`it has more than ${mostScans} scans, each of which draws the whole picture`)
  const needed = metadata.length > mostMetadata ? withoutMetadata(bytes, metadata) : bytes
  await (ready ??= start().catch(forget))
  warnings = []
  try {
    const image = await decode(needed as unknown as ArrayBuffer, { preserveOrientation: true })
    const damage = warnings.find(isDamage)
    if (damage) throw new Error(damage)
    return { data: image.data, width: image.width, height: image.height, channels: 4 }
  } catch (error) {
    // The decoder throws in mid-work and leaves its memory allocated: the next picture gets a new one.
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
  // jSquash's types leave out that the module may come first.
  const initWith = init as (module: WebAssembly.Module | undefined, options: object) => Promise<void>
  await initWith(module, {
    print: () => {},
    printErr: (text: string) => warnings.push(text),
    onRuntimeInitialized: () => {
      isRunning = true
    },
  })
}

/** A start that failed is tried again with the next picture. */
function forget(error: unknown): never {
  ready = undefined
  throw error
}

/** Warnings that mean missing or wrong pixels. Stray bytes between two segments do no harm. */
function isDamage(warning: string): boolean {
  return /^premature end|^corrupt jpeg data/i.test(warning) && !/extraneous bytes/i.test(warning)
}
