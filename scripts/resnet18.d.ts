export interface Resnet18Options {
  seed?: number
  /** The only image size that the network accepts. Default: any size. */
  side?: number
  /** Channels of the four stages. */
  widths?: number[]
  classes?: number
}

/** The bytes of an .onnx file: see resnet18.js. */
export function resnet18(options?: Resnet18Options): Uint8Array<ArrayBuffer>
