export interface Resnet18Options {
  seed?: number
  /** The one picture size that the network takes; any if left out. */
  side?: number
  /** Channels of the four stages. */
  widths?: number[]
  classes?: number
}

/** The bytes of an .onnx file: see resnet18.js. */
export function resnet18(options?: Resnet18Options): Uint8Array<ArrayBuffer>
