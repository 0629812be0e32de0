// Reads the pixels of what a page draws: canvases, bitmaps, elements, video frames.

/** The drawable objects of a page whose pixels can be read, except `ImageData`. */
export type Drawn =
  | HTMLCanvasElement
  | OffscreenCanvas
  | ImageBitmap
  | HTMLImageElement
  | HTMLVideoElement
  | VideoFrame

/** The size in pixels of each kind, by its `Object.prototype.toString` tag, which is the same in every realm. */
const sizes: Record<string, (drawn: never) => [width: number, height: number]> = {
  HTMLCanvasElement: ({ width, height }: HTMLCanvasElement) => [width, height],
  OffscreenCanvas: ({ width, height }: OffscreenCanvas) => [width, height],
  ImageBitmap: ({ width, height }: ImageBitmap) => [width, height],
  HTMLImageElement: ({ naturalWidth, naturalHeight }: HTMLImageElement) => [naturalWidth, naturalHeight],
  HTMLVideoElement: ({ videoWidth, videoHeight }: HTMLVideoElement) => [videoWidth, videoHeight],
  VideoFrame: ({ displayWidth, displayHeight }: VideoFrame) => [displayWidth, displayHeight],
}

const kindOf = (input: object) => Object.prototype.toString.call(input).slice(8, -1)

/** Whether an object is a `Drawn`. */
export function isDrawn(input: object): input is Drawn {
  return Object.hasOwn(sizes, kindOf(input))
}

/**
 * Reads the pixels of what a page has drawn, at its intrinsic size, whatever the size at which it is shown. Waits for
 * an image that is still loading.
 *
 * @throws {Error} with the reason, if there are no pixels
 */
export async function drawnPixels(drawn: Drawn): Promise<ImageData> {
  const kind = kindOf(drawn)
  if (kind === 'HTMLImageElement') await (drawn as HTMLImageElement).decode()
  const [width, height] = sizes[kind](drawn as never)
  if (width < 1 || height < 1) {
    throw new Error(
      `the ${kind} has no pixels${kind === 'HTMLVideoElement' ? ' yet: wait for its event loadeddata' : ''}`,
    )
  }
  const canvas =
    typeof OffscreenCanvas === 'undefined'
      ? document.createElement('canvas')
      : new OffscreenCanvas(width, height)
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D | null
  if (!context) throw new Error(`a canvas of ${width} x ${height} pixels cannot be made`)
  context.drawImage(drawn, 0, 0, width, height)
  return context.getImageData(0, 0, width, height)
}
