import type { OpenedImage } from '../../image/image-input.ts'

/**
 * Images in a form that can be sent to another thread: their bytes are copied, since the originals are the caller's,
 * and moved there. Only the bytes in use are copied, not the buffer that they lie in.
 */
export function toSend(images: readonly OpenedImage[]): { opened: OpenedImage[]; transfer: ArrayBuffer[] } {
  const transfer: ArrayBuffer[] = []
  const copy = (bytes: Uint8Array | Uint8ClampedArray): Uint8Array => {
    const copied = new Uint8Array(bytes.length)
    copied.set(bytes)
    transfer.push(copied.buffer)
    return copied
  }
  const opened = images.map((image): OpenedImage => {
    if (image.kind === 'file') return { ...image, bytes: copy(image.bytes) }
    return { ...image, image: { ...image.image, data: copy(image.image.data) } }
  })
  return { opened, transfer }
}
