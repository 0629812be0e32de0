import type { OpenedImage } from '../../image/image-input.ts'

/**
 * Images in a form that can be sent to another thread. Their bytes are copied, since the originals belong to the caller,
 * and the copies are transferred. Only the bytes in use are copied, not their whole buffers.
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
